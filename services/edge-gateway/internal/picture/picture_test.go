package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/natter-chat/natter/services/edge-gateway/internal/picture"
)

const maxPixels = 400_000

// flag is a picture whose left half is red and right half blue.
func flag(w, h int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{0xff, 0, 0, 0xff}
			if x >= w/2 {
				c = color.RGBA{0, 0, 0xff, 0xff}
			}
			p.SetRGBA(x, y, c)
		}
	}
	return p
}

func asPNG(t *testing.T, p image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJPEG(t *testing.T, p image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, p, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asGIF(t *testing.T, p image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := gif.Encode(&out, p, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// turned puts an orientation into a JPEG.
func turned(file []byte, orientation uint16) []byte {
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	tiff = append(binary.BigEndian.AppendUint16(tiff, orientation), 0, 0, 0, 0, 0, 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(segment)+2))...)
	return append(append(out, segment...), file[2:]...)
}

// bomb is the beginning of a PNG that says it is this large.
func bomb(w, h uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	header = append(header, 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(out, header...), crc32.ChecksumIEEE(header))
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	transparent := image.NewNRGBA(image.Rect(0, 0, 600, 600))
	for name, tt := range map[string]struct {
		mediaType   string
		file        []byte
		size        picture.Size
		thumb       picture.Size // zero: none is needed
		wantPNG     bool
		left, right color.RGBA
	}{
		"png":            {"image/png", asPNG(t, flag(600, 300)), picture.Size{Width: 600, Height: 300}, picture.Size{Width: 480, Height: 240}, false, red(), blue()},
		"small png":      {"image/png", asPNG(t, flag(480, 300)), picture.Size{Width: 480, Height: 300}, picture.Size{}, false, red(), blue()},
		"transparent":    {"image/png", asPNG(t, transparent), picture.Size{Width: 600, Height: 600}, picture.Size{Width: 480, Height: 480}, true, color.RGBA{}, color.RGBA{}},
		"line":           {"image/png", asPNG(t, flag(3000, 1)), picture.Size{Width: 3000, Height: 1}, picture.Size{Width: 480, Height: 1}, false, red(), blue()},
		"gif":            {"image/gif", asGIF(t, flag(500, 500)), picture.Size{Width: 500, Height: 500}, picture.Size{Width: 480, Height: 480}, false, red(), blue()},
		"jpeg":           {"image/jpeg", asJPEG(t, flag(300, 600)), picture.Size{Width: 300, Height: 600}, picture.Size{Width: 240, Height: 480}, false, red(), blue()},
		"upside down":    {"image/jpeg", turned(asJPEG(t, flag(600, 300)), 3), picture.Size{Width: 600, Height: 300}, picture.Size{Width: 480, Height: 240}, false, blue(), red()},
		"lying jpeg":     {"image/jpeg", turned(asJPEG(t, flag(600, 300)), 6), picture.Size{Width: 300, Height: 600}, picture.Size{Width: 240, Height: 480}, false, color.RGBA{}, color.RGBA{}},
		"no orientation": {"image/jpeg", turned(asJPEG(t, flag(600, 300)), 9), picture.Size{Width: 600, Height: 300}, picture.Size{Width: 480, Height: 240}, false, red(), blue()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, err := picture.Open(tt.mediaType, bytes.NewReader(tt.file))
			if err != nil || i.Size != tt.size || i.NeedsThumbnail() != (tt.thumb != picture.Size{}) {
				t.Fatalf("%+v, %v", i, err)
			}
			if !i.NeedsThumbnail() {
				return
			}
			data, err := picture.NewMaker(maxPixels).Thumbnail(t.Context(), i, bytes.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			small, format, err := image.Decode(bytes.NewReader(data))
			if err != nil || small.Bounds().Dx() != tt.thumb.Width || small.Bounds().Dy() != tt.thumb.Height || (format == "png") != tt.wantPNG {
				t.Fatalf("%s %v, %v", format, small.Bounds(), err)
			}
			if w, h := tt.thumb.Width, tt.thumb.Height; tt.left != (color.RGBA{}) && (!near(small.At(w/8, h/2), tt.left) || !near(small.At(w*7/8, h/2), tt.right)) {
				t.Errorf("left %v, right %v", small.At(w/8, h/2), small.At(w*7/8, h/2))
			}
		})
	}
}

func red() color.RGBA  { return color.RGBA{0xff, 0, 0, 0xff} }
func blue() color.RGBA { return color.RGBA{0, 0, 0xff, 0xff} }

func near(got color.Color, want color.RGBA) bool {
	r, g, b, _ := got.RGBA()
	off := func(is uint32, want uint8) bool { return max(is>>8, uint32(want))-min(is>>8, uint32(want)) > 40 }
	return !off(r, want.R) && !off(g, want.G) && !off(b, want.B)
}

func TestAvatar(t *testing.T) {
	t.Parallel()
	for _, p := range []image.Image{flag(600, 300), flag(100, 400), flag(1, 1)} {
		file := asPNG(t, p)
		i, err := picture.Open("image/png", bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		data, err := picture.NewMaker(maxPixels).Avatar(t.Context(), i, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if config, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil || config.Width != picture.AvatarSide || config.Height != picture.AvatarSide {
			t.Errorf("%dx%d, %v", config.Width, config.Height, err)
		}
	}
}

func TestWhatIsNoPicture(t *testing.T) {
	t.Parallel()
	whole := asPNG(t, flag(500, 500))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	deep := asPNG(t, image.NewNRGBA64(image.Rect(0, 0, 500, 500))) // 16 bits a channel: twice the memory
	for name, tt := range map[string]struct {
		ctx       context.Context //nolint:containedctx // of the case
		mediaType string
		head, all []byte
		want      error
	}{
		"text":             {t.Context(), "text/plain", []byte("hi"), nil, picture.ErrNotAnImage},
		"another type":     {t.Context(), "image/jpeg", whole, nil, picture.ErrNotAnImage},
		"svg":              {t.Context(), "image/svg+xml", []byte("<svg/>"), nil, picture.ErrNotAnImage},
		"empty":            {t.Context(), "image/png", nil, nil, picture.ErrNotAnImage},
		"bomb":             {t.Context(), "image/png", bomb(50_000, 50_000), nil, picture.ErrTooLarge},
		"largest bomb":     {t.Context(), "image/png", bomb(1<<31-1, 1<<31-1), nil, picture.ErrNotAnImage},
		"too many pixels":  {t.Context(), "image/png", bomb(801, 500), nil, picture.ErrTooLarge},
		"too deep":         {t.Context(), "image/png", deep, nil, picture.ErrTooLarge},
		"cut":              {t.Context(), "image/png", whole, whole[:len(whole)/2], picture.ErrNotAnImage},
		"another than was": {t.Context(), "image/png", whole, asPNG(t, flag(501, 500)), picture.ErrNotAnImage},
		"nobody waits":     {gone, "image/png", whole, whole, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, err := picture.Open(tt.mediaType, bytes.NewReader(tt.head))
			if err == nil {
				if tt.all == nil {
					tt.all = tt.head
				}
				_, err = picture.NewMaker(maxPixels).Thumbnail(tt.ctx, i, bytes.NewReader(tt.all))
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func BenchmarkThumbnail12Megapixels(b *testing.B) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, flag(4000, 3000), nil); err != nil {
		b.Fatal(err)
	}
	m := picture.NewMaker(25_000_000)
	b.ReportAllocs()
	for b.Loop() {
		i, err := picture.Open("image/jpeg", bytes.NewReader(file.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Thumbnail(b.Context(), i, bytes.NewReader(file.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
