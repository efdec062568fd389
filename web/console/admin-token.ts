/** The operator's token: this tab has it until it is closed, and nothing else has. */

const KEY = 'headend-admin-token'

export function adminToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined
}

export function keepAdminToken(token: string): void {
  sessionStorage.setItem(KEY, token)
}

export function forgetAdminToken(): void {
  sessionStorage.removeItem(KEY)
}
