// Seeded randomness, so that a demo or a test can be run again as it was (xoshiro128**, Blackman and Vigna 2018).
export class Random {
  constructor(seed) {
    // splitmix32 fills the state from one number.
    let x = Number(BigInt.asUintN(32, BigInt(seed)));
    const next = () => {
      x = (x + 0x9e3779b9) | 0;
      let z = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    this.s = [next(), next(), next(), next()];
  }
  uint32() {
    const s = this.s;
    const rotl = (v, k) => ((v << k) | (v >>> (32 - k))) >>> 0;
    const result = Math.imul(rotl(Math.imul(s[1], 5) >>> 0, 7), 9) >>> 0;
    const t = (s[1] << 9) >>> 0;
    s[2] = (s[2] ^ s[0]) >>> 0;
    s[3] = (s[3] ^ s[1]) >>> 0;
    s[1] = (s[1] ^ s[2]) >>> 0;
    s[0] = (s[0] ^ s[3]) >>> 0;
    s[2] = (s[2] ^ t) >>> 0;
    s[3] = rotl(s[3], 11);
    return result;
  }
  real() { return this.uint32() / 2 ** 32; }
  below(n) { return Math.floor(this.real() * n); }
  pick(list) { return list[this.below(list.length)]; }
  chance(p) { return this.real() < p; }
  hex(bytes) {
    let text = '';
    for (let i = 0; i < bytes; i += 4) text += this.uint32().toString(16).padStart(8, '0');
    return text.slice(0, bytes * 2);
  }
}
