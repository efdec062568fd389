/** Who may use the API: holders of the admin token, from pages of this server or from no page at all. */
import { PeerError } from '../../errors.ts'
import { credentialsOf } from '../../net/http/credentials.ts'
import type { HttpRequest } from '../../net/http/routes.ts'
import type { Operation } from './operation.ts'

/** Throws PeerError ERR_ACCESS_DENIED or ERR_API_FOREIGN_ORIGIN. */
export async function authorizeApi(operation: Operation, request: HttpRequest): Promise<void> {
  const { headers } = request.raw
  refuseForeignPages(headers)
  const { bearer } = credentialsOf(request)
  await operation.authorize({
    action: 'api',
    path: request.path,
    protocol: 'http',
    remoteAddress: request.remoteAddress,
    credentials: bearer === undefined ? {} : { bearer },
  })
}

/** A page of another site has no business here, even one that knows the token. */
function refuseForeignPages(headers: HttpRequest['raw']['headers']): void {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const foreignSite = site === 'cross-site' || site === 'same-site'
  const authority = host ?? headers[':authority']
  const foreignOrigin = origin !== undefined && hostOf(origin) !== String(authority).toLowerCase()
  if (foreignSite || foreignOrigin) {
    throw new PeerError(
      'ERR_API_FOREIGN_ORIGIN',
      'expected a request of a page of this server, found one of another site',
    )
  }
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host
}
