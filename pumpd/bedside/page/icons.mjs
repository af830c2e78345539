// The icon: a ring, three quarters full, about a drop. Drawn once as SVG and once as pixels, without a picture library.

import { crc32, deflateSync } from "node:zlib";

const [GROUND, TRACK, FULL, DROP] = ["#0d1714", "#2a3b35", "#7fd4ac", "#eef4f1"];

const shapes = `<circle cx="50" cy="50" r="30" fill="none" stroke="${TRACK}" stroke-width="9"/>
<path d="M50 20a30 30 0 1 1-30 30" fill="none" stroke="${FULL}" stroke-width="9" stroke-linecap="round"/>
<path d="M50 33c7 9 11 14 11 19a11 11 0 0 1-22 0c0-5 4-10 11-19z" fill="${DROP}"/>`;

const svg = (ground) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">${ground}${shapes}</svg>\n`;

export const icon = () => svg(`<rect width="100" height="100" rx="22" fill="${GROUND}"/>`);
export const maskable = () => svg(`<rect width="100" height="100" fill="${GROUND}"/>`);

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** The colour of a point of the 100 x 100 drawing. */
function at(x, y) {
  const [dx, dy] = [x - 50, y - 50];
  const far = Math.hypot(dx, dy);
  const angle = (Math.atan2(dx, -dy) / Math.PI) * 180; // 0 at the top, clockwise
  const cap = Math.hypot(x - 50, y - 20) <= 4.5 || Math.hypot(x - 20, y - 50) <= 4.5;
  if (cap) return rgb(FULL);
  if (Math.abs(far - 30) <= 4.5) return rgb(angle >= 0 || angle <= -90 ? FULL : TRACK);
  const bulb = Math.hypot(dx, y - 52) <= 11;
  const tip = y >= 33 && y <= 52 && Math.abs(dx) <= 11 * ((y - 33) / 19) ** 0.9;
  return rgb(bulb || tip ? DROP : GROUND);
}

const chunk = (kind, data) => {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
};

/** The icon as a PNG of `size` x `size` pixels, each the mean of four points. */
export function png(size) {
  const rows = Buffer.alloc(size * (size * 3 + 1));
  for (let y = 0, to = 0; y < size; y++) {
    rows[to++] = 0; // no filter
    for (let x = 0; x < size; x++) {
      const points = [0.25, 0.75].flatMap((v) =>
        [0.25, 0.75].map((u) => at(((x + u) / size) * 100, ((y + v) / size) * 100)),
      );
      for (let each = 0; each < 3; each++) rows[to++] = Math.round(points.reduce((sum, p) => sum + p[each], 0) / 4);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
