package picture

import (
	"encoding/binary"
	"image"
	"image/color"
	"strings"
	"testing"
)

// jpegWith is the beginning of a JPEG with these segments, each of a marker and a body.
func jpegWith(segments ...string) []byte {
	out := []byte{0xff, 0xd8}
	for _, s := range segments {
		out = append(out, 0xff, s[0])
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(s)+1)), s[1:]...)
	}
	return append(out, 0xff, 0xda, 0, 2)
}

const (
	bigEndian    = "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02\x01\x0f\x00\x02\x00\x00\x00\x01A\x00\x00\x00\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
	littleEndian = "Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00"
)

func exifFiles() map[string]struct {
	file []byte
	want orientation
} {
	type c = struct {
		file []byte
		want orientation
	}
	return map[string]c{
		"big endian":         {jpegWith("\xe1" + bigEndian), 6},
		"little endian":      {jpegWith("\xe1" + littleEndian), 8},
		"after others":       {jpegWith("\xe0JFIF", "\xe1http://ns.adobe.com/xap/1.0/\x00<x/>", "\xe1"+littleEndian), 8},
		"in another segment": {jpegWith("\xe2" + bigEndian), 0},
		"none":               {jpegWith("\xe0JFIF"), 0},
		"no value":           {jpegWith("\xe1" + strings.Replace(littleEndian, "\x08\x00\x00\x00\x01", "\x08\x00\x00\x00\x00", 1)), 0},
		"out of range":       {jpegWith("\xe1" + strings.Replace(bigEndian, "\x00\x06", "\x00\x09", 1)), 0},
		"not a number":       {jpegWith("\xe1" + strings.Replace(bigEndian, "\x01\x12\x00\x03", "\x01\x12\x00\x02", 1)), 0},
		"directory outside":  {jpegWith("\xe1Exif\x00\x00MM\x00*\xff\xff\xff\xff\x00\x00"), 0},
		"cut":                {jpegWith("\xe1" + bigEndian)[:40], 0},
		"no JPEG":            {[]byte("GIF89a"), 0},
		"empty":              {nil, 0},
	}
}

func TestExifOrientation(t *testing.T) {
	t.Parallel()
	for name, tt := range exifFiles() {
		if got := exifOrientation(tt.file); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func FuzzExifOrientation(f *testing.F) {
	for _, tt := range exifFiles() {
		f.Add(tt.file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if o := exifOrientation(file); o > 8 {
			t.Errorf("%d", o)
		}
	})
}

// The letters are those of the files in which people test this: a picture of AB over CD, stored in eight ways, seen in one.
func TestUpright(t *testing.T) {
	t.Parallel()
	for o, stored := range map[orientation]string{
		0: "AB/CD/EF", 1: "AB/CD/EF", mirrored: "BA/DC/FE", upsideDown: "FE/DC/BA", upsideDownMirrored: "EF/CD/AB",
		leftMirrored: "ACE/BDF", left: "BDF/ACE", rightMirrored: "FDB/ECA", right: "ECA/FDB",
	} {
		rows := strings.Split(stored, "/")
		p := image.NewRGBA(image.Rect(0, 0, len(rows[0]), len(rows)))
		for y, row := range rows {
			for x := range row {
				p.SetRGBA(x, y, color.RGBA{row[x], 0, 0, 0xff})
			}
		}
		seen := o.upright(p)
		var got strings.Builder
		for y := range seen.Rect.Dy() {
			for x := range seen.Rect.Dx() {
				got.WriteByte(seen.RGBAAt(x, y).R)
			}
		}
		if got.String() != "ABCDEF" {
			t.Errorf("%d, stored as %s, is seen as %s", o, stored, got.String())
		}
	}
}
