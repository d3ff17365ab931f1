import { expect, test } from "vitest";
import { fileSize, pictureBox } from "./sizes";

test.for<[number, RegExp]>([
  [0, /^0 bytes?$/],
  [999, /^999 bytes$/],
  [1500, /^1.5 kB$/],
  [2_000_000, /^2 MB$/],
  [123_456_789, /^123 MB$/],
  [5e12, /^5,000 GB$/],
])("%s bytes", ([bytes, expected]) => {
  expect(fileSize(bytes)).toMatch(expected);
});

test.for([
  [100, 50, 100, 50],
  [840, 640, 420, 320],
  [4200, 10, 420, 40],
  [0, 0, 320, 220],
])("a picture of %s×%s gets %s×%s", ([width, height, w, h]) => {
  expect(pictureBox(width, height)).toEqual({ width: w, height: h });
});
