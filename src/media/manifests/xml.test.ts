import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FormatError } from '../../errors.ts'
import { escapeXml, parseXml, xmlAttribute, xmlChildren } from './xml.ts'

test('elements, attributes, references, CDATA, comments and instructions', () => {
  const root = parseXml(
    '\ufeff<?xml version="1.0"?><!-- <no> -->\n<a:b x="1" y=\'&lt;&#65;&#x1F600;&quot;\' a:z="2"><c/>one &amp; <![CDATA[<two>&amp;]]><c d="">t</c ></a:b>\n',
  )

  assert.equal(root.name, 'a:b')
  assert.equal(root.localName, 'b')
  assert.equal(xmlAttribute(root, 'y'), '<A😀"')
  assert.equal(xmlAttribute(root, 'z'), '2')
  assert.equal(xmlAttribute(root, 'none'), undefined)
  assert.equal(root.text, 'one & <two>&amp;')
  assert.deepEqual(
    xmlChildren(root, 'c').map((child) => child.text),
    ['', 't'],
  )
})

const refused: Record<string, string> = {
  'document type': '<!DOCTYPE a><a/>',
  'document type with entities (X-01, X-02)': '<!DOCTYPE a [<!ENTITY b "xxxxxxxx">]><a>&b;</a>',
  'external entity (X-03)': '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
  'document type inside': '<a><!DOCTYPE b></a>',
  'unknown entity': '<a>&nbsp;</a>',
  'prototype name as entity': '<a>&constructor;</a>',
  'reference to a surrogate': '<a>&#xD800;</a>',
  'reference to zero': '<a>&#0;</a>',
  'reference out of range': '<a>&#x110000;</a>',
  'endless reference': `<a>&${'#'.repeat(1000)};</a>`,
  'repeated attribute': '<a b="1" b="2"/>',
  'missing quote': '<a b=1/>',
  'unclosed value': '<a b="1/>',
  'wrong end': '<a><b></a></b>',
  'missing end': '<a><b></b>',
  'end alone': '</a>',
  'two roots': '<a/><b/>',
  'text outside': '<a/>x',
  nothing: '  ',
  'unclosed comment': '<a><!-- x</a>',
  'depth 100 000 (X-04)': '<a>'.repeat(100_000),
  'many attributes (X-04)': `<a ${Array.from({ length: 257 }, (_, index) => `a${index}=""`).join(' ')}/>`,
  'large value (X-04)': `<a b="${'x'.repeat(64 * 1024 + 1)}"/>`,
  'large text (X-04)': `<a>${'x'.repeat(64 * 1024 + 1)}</a>`,
  'large document (X-04)': `<a>${' '.repeat(4 * 1024 * 1024)}</a>`,
  'a million elements': `<a>${'<b/>'.repeat(1_000_000)}</a>`,
}

for (const [what, text] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseXml(text), FormatError)
  })
}

test('a million numeric references end at the limit of text', () => {
  assert.throws(() => parseXml(`<a>${'&#65;'.repeat(700_000)}</a>`), { code: 'ERR_XML_TOO_LARGE' })
})

test('any text survives escaping, without what XML cannot carry', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeXml(text)
      const root = parseXml(`<a b="${escaped}">-${escaped}</a>`)

      const carried = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      assert.equal(root.attributes.get('b'), carried)
      assert.equal(root.text, `-${carried}`)
    }),
    { numRuns: 50 },
  )
})

test('every truncation of a document ends in a FormatError', () => {
  const text = '<?xml version="1.0"?><a b="&amp;c"><d e=\'f\'/><![CDATA[x]]><!-- y -->z</a>'
  for (let length = 0; length < text.length; length++) {
    assert.throws(() => parseXml(text.slice(0, length)), FormatError)
  }
})
