import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'

const MAIN = path.join(import.meta.dirname, '../../bin/headend.js')

let folder = ''
const started = new Set<ChildProcess>()
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headend-cli-'))
})
after(async () => {
  for (const child of started) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** Starts the command in a process of its own, with no settings from the environment of the tests. */
function headend(...args: string[]) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HEADEND_')))
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env })
  started.add(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...output }))
  return { child, output, ended }
}

const PORTS = ['--http-port', '0', '--rtmp-port', '0', '--host', '127.0.0.1', '--no-test-channel']

describe('usage', () => {
  test('help and version: 0, on stdout', async () => {
    const help = await headend('--help').ended
    const version = await headend('--version').ended

    assert.equal(help.code, 0)
    assert.match(help.stdout, /serve/)
    assert.equal(version.code, 0)
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  })

  test('wrong usage: 2, with what would be right', async () => {
    const [flag, value, command] = await Promise.all([
      headend('serve', '--http-prot', '1').ended,
      headend('serve', '--http-port', 'x').ended,
      headend('sreve').ended,
    ])

    assert.deepEqual([flag.code, value.code, command.code], [2, 2, 2])
    assert.match(flag.stderr, /Did you mean --http-port/)
    assert.equal(value.stderr, 'headend: ERR_CONFIG_INVALID: --http-port: expected a number, found "x"\n')
    assert.match(command.stderr, /Did you mean serve/)
  })

  test('the help of serve names every flag, and that of no later protocol', async () => {
    const { stdout, code } = await headend('serve', '--help').ended

    assert.equal(code, 0)
    for (const flag of [
      '--http-port',
      '--rtmp-port',
      '--data',
      '--config',
      '--host',
      '--no-test-channel',
      '--ready-file',
    ]) {
      assert.match(stdout, new RegExp(`${flag}\\b`))
    }
    assert.doesNotMatch(stdout, /--publish-key|--admin-token|--mms-port/)
  })
})

describe('serve', () => {
  test('prints what listens, reloads on SIGHUP, drains on SIGTERM', async () => {
    const config = path.join(folder, 'headend.yaml')
    await writeFile(config, 'log: {format: json}\n')
    const { child, output, ended } = headend('serve', ...PORTS, '--config', config, '--json')
    await once(child.stdout, 'data')
    const printed = JSON.parse(output.stdout) as { pid: number; urls: Record<string, string>; secrets: string }

    assert.equal(printed.pid, child.pid)
    assert.equal(printed.secrets, path.join(folder, 'data', 'secrets.json'))
    assert.equal((await fetch(`${printed.urls['http']}/readyz`)).status, 200)

    await writeFile(config, 'paths: {"live/*": {play: key}}\nlog: {format: json}\n')
    child.kill('SIGHUP')
    await until(child, output, /settings reloaded.*"paths"/)
    await writeFile(config, 'pahts: {}\n')
    child.kill('SIGHUP')
    await until(
      child,
      output,
      /settings not reloaded: ERR_CONFIG_UNKNOWN: pahts is not a setting; did you mean paths\?/,
    )

    child.kill('SIGTERM')
    const { code, stdout, stderr } = await ended
    assert.equal(code, 0)
    const secrets = JSON.parse(await readFile(printed.secrets, 'utf8')) as Record<string, string>
    for (const secret of Object.values(secrets)) assert.equal(`${stdout}${stderr}`.includes(secret), false)
  })

  test('a port in use: 1 and one line why', async () => {
    const first = headend('serve', ...PORTS, '--json', '--log-level', 'silent')
    await once(first.child.stdout, 'data')
    const { ports } = JSON.parse(first.output.stdout) as { ports: { http: number } }

    const second = await headend('serve', ...PORTS, '--http-port', String(ports.http), '--log-level', 'silent').ended

    assert.equal(second.code, 1)
    assert.match(second.stderr, /^headend: ERR_CONFIG_PORT: http: expected port \d+ to be free; [^\n]*\n$/)
    first.child.kill('SIGINT')
    assert.equal((await first.ended).code, 0)
  })
})

async function until(
  child: ReturnType<typeof headend>['child'],
  output: { stderr: string },
  pattern: RegExp,
): Promise<void> {
  while (!pattern.test(output.stderr)) await once(child.stderr, 'data')
}
