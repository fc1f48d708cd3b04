/**
 * How numbers are written: the rules of `viz/words.py`, which a test compares with these.
 */

export const TIMES = "\u00d7";

/** Three significant digits; whole numbers bare; zeros at the end say that it was rounded.
 * @param {number | undefined | null} x
 * @param {number} [digits]  more, where a change would not be seen
 */
export function number(x, digits = 3) {
  if (x === undefined || x === null) return "-";
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x === 0 ? 0 : x);
  const text = x.toExponential(digits - 1);
  const [mantissa, power] = text.split("e");
  const exponent = Number(power), exact = Number(text) === x;
  if (exponent >= -3 && exponent < digits) {
    const plain = x.toPrecision(digits);
    const fixed = plain.includes("e") ? x.toFixed(digits - 1 - exponent) : plain;
    return exact && fixed.includes(".") ? fixed.replace(/0+$/, "").replace(/\.$/, "") : fixed;
  }
  const short = exact ? mantissa.replace(/0+$/, "").replace(/\.$/, "") : mantissa;
  return `${short}e${exponent}`;
}

/** @param {number} count */
export function times(count) {
  return count === 2 ? "twice" : `${count} times`;
}
