/** `node:http` without the price of importing it as a module. */

/*
 * An `import` reads every export, and those of `node:http` that belong to the fetch interface load a whole HTTP client: some 20 ms
 * and 6 MB that a server has no use for at start.
 */
const http = process.getBuiltinModule('node:http')

export const { createServer, STATUS_CODES } = http
