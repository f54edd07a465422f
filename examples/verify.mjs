// A second verifier of audit logs, from docs/proof.md alone. `node verify.mjs [--transported] [--heads FILE] FILE…`
// (`-` is standard input, a file may be gzip) prints one JSON line (line 0: at the end of the log) and exits with its
// status: 0 complete, 1 problems, 3 an open end or no chain; or with 2 if a file cannot be read. It judges bytes.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'

const BEFORE_HASH = ',"chain":{(?:"(?<link>parent|follows)":"(?<linkId>[0-9a-f]{32}):' +
  '(?<linkSequence>0|[1-9][0-9]{0,14})",)?(?<sealed>"sealed":true,)?' +
  '"sequence":(?<sequence>0|[1-9][0-9]{0,14}),"id":"(?<id>[0-9a-f]{32})"},"hash":"'
const END_OF_RECORD = new RegExp(BEFORE_HASH + '(?<hash>[0-9a-f]{64})"}', 'g')
const DAMAGED_END = new RegExp(BEFORE_HASH + '(?![0-9a-f]{0,63}$|[0-9a-f]{64}"?$)')
const START = '{"@timestamp":"'

process.on('uncaughtException', error => { console.error(error.message); process.exit(2) })
const options = { transported: { type: 'boolean' }, heads: { type: 'string' } }
const { values: { transported, heads }, positionals: files } = parseArgs({ options, allowPositionals: true })
const chains = new Map() // by chain.id
const problems = []
const hashBefore = ({ id, sequence }) => sequence ? chains.get(id)?.read.get(sequence - 1)?.hash : '0'.repeat(64)
const counted = { lines: 0, unchained: 0, torn: 0 }
for (const line of (files.length ? files : ['-']).flatMap(linesOf)) readLine(line)
conclude(heads ? linesOf(heads).map(line => line.toString().trim().split(' ')) : [])

function linesOf (file) {
  let content = readFileSync(file === '-' ? 0 : file)
  while (content[0] === 0x1f && content[1] === 0x8b) content = gunzipSync(content)
  const lines = []
  for (let from = 0, to; from < content.length; from = to + 1) {
    to = content.indexOf('\n', from)
    lines.push(content.subarray(from, to = to < 0 ? content.length : to))
  }
  return lines
}

function report (line, kind, chain) {
  if (!transported || (kind !== 'reordered' && kind !== 'doubled')) problems.push({ line, kind, chain })
  return problems.at(-1)
}

function readLine (bytes) {
  const line = counted.lines += 1
  const text = bytes.toString('latin1').replace(/[ \t-\r]+$/, '') // one character a byte: only to find places
  const ends = [...text.matchAll(END_OF_RECORD)]
  const recordAt = (end, from) => {
    const to = end.index + end[0].length
    const hashed = bytes.subarray(from, to - ',"hash":""}'.length - 64)
    return { ...end.groups, sequence: Number(end.groups.sequence), hashed, to, line, masked: text.includes('****') }
  }
  // More than one: records on one line, or the inner ones are values of the record around them, which only the
  // hash tells. If that cannot be checked yet: a value stands before another one, or at the end of an object.
  const start = ends.length > 1 ? startOf(recordAt(ends.at(-1), 0)) : -1
  const isValue = ({ to, ...record }) => start >= 0 ? to > start : ',}]'.includes(text[to]) && startOf(record) < 0
  let last
  for (const end of ends) {
    const record = recordAt(end, last?.to ?? 0)
    if ((end !== ends.at(-1) || (start < 0 && text.startsWith(',"', record.to))) && isValue(record)) continue
    if (last) report(line, 'glued', record.id)
    readRecord(last = record)
  }
  if (last && last.to < text.length) report(line, 'glued', last.id)
  if (last || !text) return
  const damaged = DAMAGED_END.exec(text)?.groups.id
  if (chains.has(damaged)) report(line, 'altered', damaged)
  else counted[text.includes(START) && !text.endsWith('}') ? 'torn' : 'unchained'] += 1
}

function readRecord (record) {
  const { id, sequence, line } = record
  if (!chains.has(id)) chains.set(id, { id, next: 0, read: new Map(), gaps: [], waiting: [], seal: Infinity })
  const chain = chains.get(id)
  if (sequence > chain.seal) return report(line, 'inserted', id)
  if (chain.read.has(sequence)) return readAgain(chain, record)
  if (sequence > chain.next) chain.gaps.push({ from: chain.next, to: sequence, line })
  if (sequence < chain.next) report(line, 'reordered', id)
  chain.next = Math.max(chain.next, sequence + 1)
  if (record.sealed) chain.seal = sequence
  keep(chain, record)
}

function keep (chain, record) { // as what was read with its sequence; its hash makes the next one checkable
  chain.read.set(record.sequence, record)
  for (const unchecked of [record, chain.read.get(record.sequence + 1)]) {
    if (!unchecked || unchecked.checked || !hashBefore(unchecked)) continue
    const start = startOf(unchecked)
    const altered = start < 0 && report(unchecked.line, unchecked.masked ? 'masked' : 'altered', chain.id)
    if (start > 0 && !transported) report(unchecked.line, 'glued', chain.id)
    Object.assign(unchecked, { altered, checked: true })
  }
  const ready = chain.waiting.filter(hashBefore)
  chain.waiting = chain.waiting.filter(other => !ready.includes(other))
  ready.forEach(readRecord)
}

function readAgain (chain, record, atEnd = false) { // a record with a sequence that was read before
  const known = chain.read.get(record.sequence)
  if (!hashBefore(record) && !atEnd) return chain.waiting.push(record)
  const isSame = record.hashed.subarray(-known.hashed.length).equals(known.hashed)
  const right = hashBefore(record) ? startOf(record) >= 0 : isSame
  const copy = (right || isSame) && known.hash === record.hash
  if (!right || !known.altered) return report(record.line, copy ? 'doubled' : 'inserted', chain.id)
  known.altered.kind = 'inserted' // it stands in place of this record
  const next = chain.read.get(record.sequence + 1)
  if (next?.altered) problems.splice(problems.indexOf(next.altered), 1) // it was checked with the wrong hash
  if (next?.altered) next.checked = false
  keep(chain, record)
}

function startOf ({ id, sequence, hashed, hash }) { // where the bytes begin that have the record's hash, or -1
  const before = hashBefore({ id, sequence })
  const isStart = at => createHash('sha256').update(before).update(hashed.subarray(at)).digest('hex') === hash
  const starts = [0]
  for (let at = 0; starts.length <= 32 && (at = hashed.indexOf(START, at + 1)) > 0;) starts.push(at)
  if (hashed.includes('{')) starts.push(hashed.indexOf('{'))
  return before ? starts.find(isStart) ?? -1 : -1
}

function conclude (heads) {
  const lastOf = id => chains.has(id) ? Math.min(chains.get(id).next - 1, chains.get(id).seal) : -1
  const followed = new Set()
  for (const chain of chains.values()) {
    const { id, gaps, read, seal, waiting } = chain
    for (const { from, to, line } of gaps) {
      let missing = from
      while (missing < to && read.has(missing)) missing += 1
      if (missing < to && missing <= seal) report(line, 'missing', id)
    }
    for (const record of waiting) readAgain(chain, record, true)
    for (const { sequence, link, linkId, linkSequence, line } of read.values()) {
      if (sequence > seal) report(line, 'inserted', id)
      if (link && lastOf(linkId) < linkSequence) report(line, 'cut', linkId)
      if (link === 'follows' && lastOf(linkId) === Number(linkSequence)) followed.add(linkId)
    }
  }
  for (const [id, sequence, hash] of heads) {
    if (!/^[0-9]+ [0-9a-f]{64}$/.test(`${sequence} ${hash}`)) throw new Error(`not a head: ${id} ${sequence} ${hash}`)
    const record = chains.get(id)?.read.get(Number(sequence))
    if (lastOf(id) < sequence) report(0, 'cut', id)
    else if (record && record.hash !== hash) report(record.line, 'altered', id)
  }
  const endOf = ({ id, seal }) => seal === lastOf(id) ? 'sealed' : followed.has(id) ? 'continued' : 'open'
  const ended = [...chains.values()].map(chain => ({ id: chain.id, end: endOf(chain), last: lastOf(chain.id) }))
  const open = !ended.length || ended.some(chain => chain.end === 'open') || counted.torn > followed.size
  problems.sort((one, other) => one.line - other.line)
  const distinct = [...new Set(problems.map(problem => JSON.stringify(problem)))].map(text => JSON.parse(text))
  const { lines, unchained } = counted
  const status = process.exitCode = distinct.length ? 1 : open ? 3 : 0
  console.log(JSON.stringify({ status, problems: distinct, lines, unchained, chains: ended }))
}
