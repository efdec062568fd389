/** Algorithms of tokens (RFC 7518 section 3.1). One issuer has one. */
export const TOKEN_ALGORITHMS = ['HS256', 'HS384', 'HS512', 'ES256', 'ES384', 'ES512'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]
