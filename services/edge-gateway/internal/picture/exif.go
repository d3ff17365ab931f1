package picture

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation is how a camera was held, as in the tag Orientation of TIFF 6.0 and Exif 2.3: 1 is upright, 2 to 8 are the other
// ways to turn and mirror a picture. 0: it is not said.
type orientation uint16

// The ways that are not upright: the side that is up in the file, and whether it is mirrored.
const (
	mirrored orientation = iota + 2
	upsideDown
	upsideDownMirrored
	leftMirrored
	left
	rightMirrored
	right
)

// swapsSides reports whether width and height are those of a picture that lies on its side.
func (o orientation) swapsSides() bool { return o >= leftMirrored && o <= right }

// exifOrientation reads the orientation out of the beginning of a JPEG file; 0 when there is none, or it is malformed.
func exifOrientation(head []byte) orientation {
	const (
		startOfScan = 0xda
		app1        = 0xe1
		exif        = "Exif\x00\x00"
	)
	if !bytes.HasPrefix(head, []byte{0xff, 0xd8}) {
		return 0
	}
	// Segments: 0xff, marker, length with its own two bytes.
	for rest := head[2:]; len(rest) >= 4 && rest[0] == 0xff && rest[1] != startOfScan; {
		size := int(binary.BigEndian.Uint16(rest[2:])) + 2
		if size < 4 || size > len(rest) {
			return 0
		}
		if body, ok := bytes.CutPrefix(rest[4:size], []byte(exif)); ok && rest[1] == app1 {
			return tiffOrientation(body)
		}
		rest = rest[size:]
	}
	return 0
}

// tiffOrientation reads the orientation out of the first directory of a TIFF file.
func tiffOrientation(tiff []byte) orientation {
	const (
		header, count, entry = 8, 2, 12
		tagOrientation       = 0x0112
		short                = 3
	)
	if len(tiff) < header {
		return 0
	}
	var order binary.ByteOrder = binary.BigEndian
	switch string(tiff[:4]) {
	case "MM\x00*":
	case "II*\x00":
		order = binary.LittleEndian
	default:
		return 0
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at < header || at+count > uint64(len(tiff)) {
		return 0
	}
	entries := tiff[at+count:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entry {
			return 0
		}
		if order.Uint16(entries) == tagOrientation {
			if o := orientation(order.Uint16(entries[8:])); order.Uint16(entries[2:]) == short && o >= 1 && o <= right {
				return o
			}
			return 0
		}
		entries = entries[entry:]
	}
	return 0
}

// upright returns a picture as it is to be seen.
func (o orientation) upright(p *image.RGBA) *image.RGBA {
	if o < mirrored || o > right {
		return p
	}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	if o.swapsSides() {
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			fromX, fromY := x, y
			switch o {
			case mirrored:
				fromX = w - 1 - x
			case upsideDown:
				fromX, fromY = w-1-x, h-1-y
			case upsideDownMirrored:
				fromY = h - 1 - y
			case leftMirrored:
				fromX, fromY = y, x
			case left:
				fromX, fromY = y, w-1-x
			case rightMirrored:
				fromX, fromY = h-1-y, w-1-x
			case right:
				fromX, fromY = h-1-y, x
			}
			out.SetRGBA(x, y, p.RGBAAt(fromX, fromY))
		}
	}
	return out
}
