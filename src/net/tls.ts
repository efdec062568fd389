/** Certificate and private key of the server, shared by every protocol with a TLS form. */

/** PEM texts. */
export interface TlsMaterial {
  readonly certificate: string
  readonly key: string
}
