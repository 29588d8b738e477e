// SPDX-License-Identifier: MIT
// The results: from packed text to figures, and figures to text.

// ---- Inflate (RFC 1951), so that no browser's clock or age matters ----

// Lengths and distances: their least value and their extra bits, by symbol.
function ranges(count, first, bitsOf) {
  const table = [];
  let least = first;
  for (let i = 0; i < count; i++) {
    table.push([least, bitsOf(i)]);
    least += 1 << bitsOf(i);
  }
  return table;
}
const LENGTHS = ranges(28, 3, (i) => (i < 8 ? 0 : (i >> 2) - 1));
LENGTHS.push([258, 0]);
const DISTANCES = ranges(30, 1, (i) => (i < 4 ? 0 : (i >> 1) - 1));
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
  14, 1, 15];

// A canonical code as: how many codes of each length, and symbols in order.
function makeCode(lengths) {
  const count = new Array(16).fill(0);
  for (const n of lengths)
    count[n]++;
  count[0] = 0;
  const symbols = [];
  for (let n = 1; n < 16; n++) {
    lengths.forEach((have, symbol) => {
      if (have === n)
        symbols.push(symbol);
    });
  }
  return {count, symbols};
}

class Bits {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0; // in bits
  }

  take(n) {
    let value = 0;
    for (let i = 0; i < n; i++, this.at++) {
      if (this.at >> 3 >= this.bytes.length)
        throw new Error("the data end too early");
      value |= (this.bytes[this.at >> 3] >> (this.at & 7) & 1) << i;
    }
    return value;
  }

  symbol(code) {
    let value = 0, first = 0, index = 0;
    for (let n = 1; n < 16; n++) {
      value = value << 1 | this.take(1);
      if (value - first < code.count[n])
        return code.symbols[index + value - first];
      index += code.count[n];
      first = first + code.count[n] << 1;
    }
    throw new Error("the data have no such code");
  }
}

function fixedCodes() {
  const lengths = [];
  for (let i = 0; i < 288; i++)
    lengths.push(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
  return [makeCode(lengths), makeCode(new Array(30).fill(5))];
}

function ownCodes(bits) {
  const literals = bits.take(5) + 257, distances = bits.take(5) + 1;
  const some = bits.take(4) + 4, first = new Array(19).fill(0);
  for (let i = 0; i < some; i++)
    first[CODE_ORDER[i]] = bits.take(3);
  const code = makeCode(first), lengths = [];
  while (lengths.length < literals + distances) {
    const symbol = bits.symbol(code);
    if (symbol < 16) {
      lengths.push(symbol);
      continue;
    }
    const value = symbol === 16 ? lengths[lengths.length - 1] : 0;
    const times = symbol === 16 ? 3 + bits.take(2) :
      symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    for (let i = 0; i < times; i++)
      lengths.push(value);
  }
  return [makeCode(lengths.slice(0, literals)),
    makeCode(lengths.slice(literals, literals + distances))];
}

function inflate(bytes, size) {
  const bits = new Bits(bytes), out = new Uint8Array(size);
  let to = 0, last = 0;
  const put = (byte) => {
    if (to === size)
      throw new Error("the data are longer than they say");
    out[to++] = byte;
  };
  while (!last) {
    last = bits.take(1);
    const kind = bits.take(2);
    if (kind === 0) {
      bits.at = bits.at + 7 & ~7;
      const length = bits.take(16);
      bits.take(16);
      for (let i = 0; i < length; i++)
        put(bits.take(8));
      continue;
    }
    const [literal, distance] = kind === 1 ? fixedCodes() : ownCodes(bits);
    for (;;) {
      const symbol = bits.symbol(literal);
      if (symbol === 256)
        break;
      if (symbol < 256) {
        put(symbol);
        continue;
      }
      const [length, more] = LENGTHS[symbol - 257];
      const end = to + length + bits.take(more);
      const [back, far] = DISTANCES[bits.symbol(distance)];
      const from = to - back - bits.take(far);
      if (from < 0)
        throw new Error("the data point before their beginning");
      for (let i = from; to < end; i++)
        put(out[i]);
    }
  }
  if (to !== size)
    throw new Error("the data are shorter than they say");
  return out;
}

function crc32(bytes) {
  const table = Uint32Array.from({length: 256}, (_, value) => {
    for (let i = 0; i < 8; i++)
      value = value >>> 1 ^ (value & 1 ? 0xedb88320 : 0);
    return value;
  });
  let crc = ~0;
  for (const byte of bytes)
    crc = crc >>> 8 ^ table[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

function unpack(id) {
  const element = document.getElementById(id);
  const packed = atob(element.textContent);
  const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
  const out = inflate(bytes, Number(element.dataset.size));
  if (crc32(out) !== Number(element.dataset.crc))
    throw new Error("the data in this page are damaged");
  return new TextDecoder().decode(out);
}

// ---- Figures ----

// The same rule as value_of() in page.py.
function valueOf(metric) {
  if (metric.exact)
    return metric.exact.value / metric.exact.per;
  const ordered = [...metric.samples].sort((a, b) => a - b);
  const middle = ordered.length >> 1;
  return ordered.length % 2 ? ordered[middle] :
    (ordered[middle - 1] + ordered[middle]) / 2;
}

const own = (object, name) => Object.prototype.hasOwnProperty.call(
  object, name) ? object[name] : undefined;

function figure(result, name) {
  const metric = result && own(result.metrics, name);
  return metric ? valueOf(metric) : undefined;
}

// What a pair costs; undefined where no pairs are counted.
const HEADS = ["instr_per_op", "ns_per_op", "cycles_per_op"];
const costMetric = (result) => HEADS.find((name) => own(result.metrics, name));

// The metric a result is first of all about.
function headMetric(result) {
  const first = result.id.startsWith("memory/") ? ["overhead", "ratio",
    "idle_bytes", "misses_first"] : [];
  return first.find((name) => own(result.metrics, name)) ||
    costMetric(result) || Object.keys(result.metrics)[0];
}

function byUnit(result, unit) {
  return Object.keys(result.metrics).find(
    (name) => result.metrics[name].unit === unit);
}

// What a figure of a metric is called in a sentence.
function unitWords(name, unit) {
  if (name === "instr_per_op")
    return "instructions a pair";
  if (name === "ns_per_op")
    return "ns a pair";
  return unit === "1" ? plain(name) : plural(unit);
}
function axisName(name, unit) {
  const words = plain(name);
  return unit === "1" ? words : words + " (" + unit + ")";
}
const plain = (name) => clean(name).replace(/[_.]/g, " ");
const PLURALS = {frame: "frames", byte: "bytes", instr: "instructions",
  cycle: "cycles", tick: "ticks", object: "objects"};
const hartsText = (n) => number(n) + (n === 1 ? " hart" : " harts");
const plural = (unit) => own(PLURALS, unit) || clean(unit);

// A case is a benchmark with its parameters: what variants are compared on.
class Cases {
  constructor(results) {
    this.map = new Map();
    const seen = new Map();
    for (const result of results) {
      if (result.status !== "ok")
        continue;
      const params = Object.entries(result.params)
        .filter(([name]) => name !== "harts");
      const key = [result.id, ...params.map((p) => p.join("=")).sort()]
        .join(",");
      if (!this.map.has(key))
        this.map.set(key, {key, id: result.id, params, results: []});
      this.map.get(key).results.push(result);
      for (const [name, value] of params) {
        const which = result.id + "," + name;
        if (!seen.has(which))
          seen.set(which, new Set());
        seen.get(which).add(value);
      }
    }
    // Only the parameters that tell the cases of a benchmark apart are said.
    for (const one of this.map.values()) {
      one.label = [one.id, ...one.params
        .filter(([name]) => seen.get(one.id + "," + name).size > 1)
        .map((p) => p.join("="))].map(clean).join(" ");
    }
  }

  all(filter = () => true) {
    return [...this.map.values()].filter(filter)
      .sort((a, b) => compare(a.label, b.label));
  }
}

const NATURAL = new Intl.Collator("en", {numeric: true});
const compare = (a, b) => NATURAL.compare(a, b);
const unique = (list) => [...new Set(list)];
const hartsOf = (result) => Number(result.params.harts);

const ORDER = ["ours", "nomag", "nocolour", "biglock", "sheaf", "seed2006",
  "linux24", "picolibc", "tlsf", "firstfit", "seed62"];
function byVariant(a, b) {
  const place = (name) => {
    const at = ORDER.indexOf(name);
    return at < 0 ? ORDER.length : at;
  };
  return place(a) - place(b) || compare(a, b);
}

// ---- Text ----

// Characters that are not seen, or turn the text around them, are spelt out.
function clean(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function decimals(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1e6)
    return 0;
  if (size >= 100)
    return 1;
  return size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
}

// To make one takes longer than to use it a hundred times.
const FORMATS = new Map();

// A number for people: separated thousands, a few digits after the point.
function number(value, digits = decimals(value)) {
  if (value === undefined || value === null)
    return "–";
  if (value !== 0 && Math.abs(value) < 5e-4 || Math.abs(value) >= 1e15)
    return value.toPrecision(3).replace("-", "−");
  if (!FORMATS.has(digits)) {
    FORMATS.set(digits, new Intl.NumberFormat("en-US",
      {maximumFractionDigits: digits}));
  }
  return FORMATS.get(digits).format(value).replace("-", "−");
}

const ENDINGS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
function short(value) {
  for (const [size, letter] of ENDINGS) {
    if (Math.abs(value) >= 10 * size)
      return number(value / size, 1) + " " + letter;
  }
  return number(value);
}

function times(value) {
  return (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) :
    number(value, 0)) + "×";
}

function percent(part, signed = true) {
  if (part === undefined || part === null)
    return "–";
  const text = number(part * 100, Math.abs(part) < 0.1 ? 2 : 1) + " %";
  return signed && part > 0 ? "+" + text : text;
}

function bytesText(bytes) {
  for (const [size, unit] of [[1 << 30, "GiB"], [1 << 20, "MiB"],
    [1 << 10, "KiB"]]) {
    if (bytes >= size)
      return number(bytes / size, 1) + " " + unit;
  }
  return number(bytes) + " B";
}

function plus(value) {
  return (value > 0 ? "+" : "") + number(value);
}
