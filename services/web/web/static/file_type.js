// Detects the type of a file from its first bytes, as services/imaging/imaging/decode.py does. File names and declared
// types are not reliable.

const SIGNATURES = [
  ["\xff\xd8\xff", "image/jpeg"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
];
const BRANDS = new Map([
  ...["avif", "avis"].map((brand) => [brand, "image/avif"]),
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"].map((brand) => [brand, "image/heic"]),
]);
const ANY_CODING = ["mif1", "msf1"];
const MAX_BRANDS_BYTES = 256;

/** The media type of a picture file, "" if it is not a picture. Throws a DOMException if the file can't be read. */
export async function pictureType(file) {
  const bytes = await file.slice(0, MAX_BRANDS_BYTES).arrayBuffer();
  const text = String.fromCharCode(...new Uint8Array(bytes));
  const found = SIGNATURES.find(([signature]) => text.startsWith(signature));
  if (found) return found[1];
  if (text.startsWith("RIFF") && text.startsWith("WEBP", 8)) return "image/webp";
  if (!text.startsWith("ftyp", 4)) return "";
  // The box contains the major brand, its version, and compatible brands.
  const end = Math.min(new DataView(bytes).getUint32(0), text.length);
  const brands = [text.slice(8, 12)];
  for (let start = 16; start < end; start += 4) brands.push(text.slice(start, start + 4));
  const known = brands.find((brand) => BRANDS.has(brand));
  if (known) return BRANDS.get(known);
  return brands.some((brand) => ANY_CODING.includes(brand)) ? "image/heif" : "";
}
