// Writes src/Shared/Rlhf.Modeling/Tokenization/Unicode/normalization.txt from the Unicode data that is built into node (its ICU):
//   node tools/unicode/normalization.mjs > src/Shared/Rlhf.Modeling/Tokenization/Unicode/normalization.txt
// Lines: "c FIRST..LAST CLASS" (canonical combining class), "= X Y.." (canonical decomposition that composes again),
// "> X Y.." (canonical decomposition that does not), "k X Y.." (compatibility decomposition where it differs). All decompositions
// are full; Hangul syllables are left out, they follow from arithmetic (Unicode Standard, section 3.12).
const hex = (text) => [...text].map((c) => c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')).join(' ');
const points = [];
for (let x = 0x80; x < 0x110000; x++) {
  if ((x < 0xd800 || x > 0xdfff) && (x < 0xac00 || x > 0xd7a3)) points.push(x);
}

// One mark of every combining class in use (UnicodeData.txt). Two marks change places under NFD exactly if the first has the larger
// class, so comparing with these tells the class of every code point.
const marks = { 1: 0x334, 6: 0x16ff0, 7: 0x93c, 8: 0x3099, 9: 0x94d, 10: 0x5b0, 11: 0x5b1, 12: 0x5b2, 13: 0x5b3, 14: 0x5b4, 15: 0x5b5,
  16: 0x5b6, 17: 0x5b7, 18: 0x5b8, 19: 0x5b9, 20: 0x5bb, 21: 0x5bc, 22: 0x5bd, 23: 0x5bf, 24: 0x5c1, 25: 0x5c2, 26: 0xfb1e, 27: 0x64b,
  28: 0x64c, 29: 0x64d, 30: 0x64e, 31: 0x64f, 32: 0x650, 33: 0x651, 34: 0x652, 35: 0x670, 36: 0x711, 84: 0xc55, 91: 0xc56, 103: 0xe38,
  107: 0xe48, 118: 0xeb8, 122: 0xec8, 129: 0xf71, 130: 0xf72, 132: 0xf74, 202: 0x321, 214: 0x1dce, 216: 0x31b, 218: 0x302a, 220: 0x316,
  222: 0x59a, 224: 0x302e, 226: 0x1d16d, 228: 0x5ae, 230: 0x300, 232: 0x315, 233: 0x35c, 234: 0x35d, 240: 0x345 };
const swaps = (a, b) => (a + b).normalize('NFD') !== a + b;

// A code point with a decomposition takes part through it; its own class (as of U+0344) matters nowhere else.
const classOf = (x) => {
  const text = String.fromCodePoint(x);
  if (text.normalize('NFD') !== text) return 0;
  let result = 0;
  let mark = false;
  for (const [c, m] of Object.entries(marks)) {
    const reference = String.fromCodePoint(m);
    if (swaps(reference, text)) mark = true;
    else result = Number(c);
    if (swaps(text, reference)) mark = true;
  }
  return mark ? result : 0;
};

console.log(`# Derived from the Unicode Character Database ${process.versions.unicode} (Unicode License v3) by tools/unicode/normalization.mjs`);
let run = null;
const flush = () => run && console.log(`c ${run.first.toString(16).toUpperCase()}..${run.last.toString(16).toUpperCase()} ${run.value}`);
for (const x of points) {
  const value = classOf(x);
  if (run && value === run.value && x === run.last + 1) {
    run.last = x;
  } else {
    flush();
    run = value ? { first: x, last: x, value } : null;
  }
}
flush();
for (const x of points) {
  const text = String.fromCodePoint(x);
  const nfd = text.normalize('NFD');
  const nfkd = text.normalize('NFKD');
  if (nfd !== text) console.log(`${text.normalize('NFC') === text ? '=' : '>'} ${hex(text)} ${hex(nfd)}`);
  if (nfkd !== nfd) console.log(`k ${hex(text)} ${hex(nfkd)}`);
}
