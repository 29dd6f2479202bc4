// SPDX-License-Identifier: MIT
// Node: undici's pool with as many connections as requests in flight, every answer through JSON.parse.
//
//   UNDICI=path/of/undici/index.js node undici.mjs ORIGIN list|patch N CONCURRENCY
//
// Prints "records N" or "patches N"; any answer but a 200 ends it with exit 1.
const { default: undici } = await import(process.env.UNDICI)

const [origin, what, total, concurrency] = process.argv.slice(2)
const patch = what === 'patch'
const headers = { authorization: 'Bearer bench-token', accept: 'application/json' }
if (patch) headers['content-type'] = 'application/json'

const pool = new undici.Pool(origin, { connections: Number(concurrency), pipelining: 1 })
let started = 0
let seen = 0

async function one (n) {
  const { statusCode, body } = await pool.request(patch
    ? {
        method: 'PATCH', headers, body: JSON.stringify({ recording: { title: 'new' } }),
        path: `/api/v2/recordings/${n.toString(16).padStart(8, '0')}-4453-446d-9e79-000000000000`
      }
    : { method: 'GET', headers, path: `/api/v2/recordings?page=${n}` })
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  const answer = await body.json()
  if (patch) seen += answer.title === 'new' ? 1 : 0
  else seen += answer.records.length
}

async function worker () {
  while (started < Number(total)) await one(++started)
}

await Promise.all(Array.from({ length: Number(concurrency) }, worker))
console.log(`${patch ? 'patches' : 'records'} ${seen}`)
await pool.close()
