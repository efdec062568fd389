/** The OpenAPI document as one page for people: no script, nothing from elsewhere. */

interface OpenApiOperation {
  readonly summary?: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly description?: string
    readonly schema?: unknown
  }[]
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: unknown }>>
}

export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly paths?: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.4rem}
summary{cursor:pointer;padding:.4rem 0}section{border-top:1px solid #8884;margin-top:1rem}h2{font-size:1.1rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}`

export function docsPage({ info, paths = {} }: OpenApiDocument): string {
  const sections: string[] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) sections.push(section(method, path, operation))
  }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(info.title)} ${escapeHtml(info.version)}</h1>
<p>${escapeHtml(info.description ?? '')}</p>
<p>Every request carries <code>Authorization: Bearer ADMIN_TOKEN</code>; the token is <code>adminToken</code> in the file
<code>secrets.json</code> of the server's data folder. Errors are problem details (RFC 9457) with a stable <code>code</code>.
The document for programs is <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1).</p>
<pre>curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/v1/streams</pre>
<p>Without a token: <code>/live.json</code> (what is on air), <code>/healthz</code>, <code>/readyz</code>.</p>
${sections.join('\n')}
</body></html>
`
}

function section(method: string, path: string, operation: OpenApiOperation): string {
  const parameters = (operation.parameters ?? []).map(
    (parameter) =>
      `<tr><td><code>${escapeHtml(parameter.name)}</code></td><td>${escapeHtml(parameter.in)}</td><td>${escapeHtml(parameter.description ?? '')}</td></tr>`,
  )
  const responses = Object.entries(operation.responses ?? {}).map(
    ([status, response]) =>
      `<details><summary>${escapeHtml(status)} ${escapeHtml(response.description ?? '')}</summary><pre>${escapeHtml(JSON.stringify(response.content ?? {}, undefined, 2))}</pre></details>`,
  )
  return `<section><h2><code>${escapeHtml(method.toUpperCase())} ${escapeHtml(path)}</code></h2><p>${escapeHtml(operation.summary ?? '')}</p>
${parameters.length === 0 ? '' : `<table><tr><th>parameter</th><th>in</th><th></th></tr>${parameters.join('')}</table>`}
${responses.join('\n')}</section>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
