// Package picture measures images that users upload, and makes small ones of them. It trusts nothing in a file: how large an
// image is, is read before it is decoded; how much memory all decoders have together, and how long one may take, is bounded.
package picture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
	"golang.org/x/sync/semaphore"
)

const (
	// ThumbnailSide is what a thumbnail is at most, in either direction, in pixels.
	ThumbnailSide = 480
	// AvatarSide is what an avatar is in both directions.
	AvatarSide = 256
	// headSize is how much of a file may come before it says how large its image is, and how it lies.
	headSize = 256 << 10
	// decodeTime bounds one decoder: a crafted file of a few megabytes may want to be painted over thousands of times.
	decodeTime = 10 * time.Second
	// waitTime is how long an image waits for others.
	waitTime = 20 * time.Second
	quality  = 82
)

// Errors of an image that cannot be made smaller.
var (
	ErrNotAnImage = errors.New("not an image of a kind that can be read: PNG, JPEG, GIF, WebP")
	ErrTooLarge   = errors.New("an image of too many pixels")
	ErrBusy       = errors.New("too many images at the same time")
)

// Size is how large an image is to be shown, in pixels.
type Size struct{ Width, Height int }

// format is how the images of a media type are read.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func formatOf(mediaType string) (format, bool) {
	switch mediaType {
	case "image/png", "image/vnd.mozilla.apng":
		return format{png.DecodeConfig, png.Decode}, true
	case "image/jpeg":
		return format{jpeg.DecodeConfig, jpeg.Decode}, true
	case "image/gif":
		return format{gif.DecodeConfig, gif.Decode}, true // the first frame
	case "image/webp":
		return format{webp.DecodeConfig, webp.Decode}, true
	}
	return format{}, false
}

// Maker makes small images. It is safe for concurrent use.
type Maker struct {
	maxPixels int
	// pixels are those that may be decoded at the same time. A pixel takes up to 16 bytes, of the worst kind of JPEG.
	pixels *semaphore.Weighted
}

// NewMaker returns a maker that decodes images of up to maxPixels, and no more than that many pixels at a time. Whoever uses it
// may need 20 bytes of memory for each of them.
func NewMaker(maxPixels int) *Maker {
	return &Maker{maxPixels: maxPixels, pixels: semaphore.NewWeighted(int64(maxPixels))}
}

// Image is an image that was found in a file.
type Image struct {
	Size
	format      format
	orientation orientation
	pixels      int64
}

// Open reads the beginning of a file of a media type. ErrNotAnImage: it is none that can be read.
func Open(mediaType string, file io.Reader) (*Image, error) {
	f, ok := formatOf(mediaType)
	if !ok {
		return nil, ErrNotAnImage
	}
	head, err := io.ReadAll(io.LimitReader(file, headSize))
	if err != nil {
		return nil, err
	}
	config, err := f.config(bytes.NewReader(head))
	if err != nil || config.Width < 1 || config.Height < 1 {
		return nil, ErrNotAnImage
	}
	i := &Image{Size: Size{config.Width, config.Height}, format: f, pixels: int64(config.Width) * int64(config.Height)}
	switch config.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		i.pixels *= 2 // they take twice the memory
	}
	if mediaType == "image/jpeg" {
		i.orientation = exifOrientation(head)
		if i.orientation.swapsSides() {
			i.Width, i.Height = i.Height, i.Width
		}
	}
	return i, nil
}

// NeedsThumbnail reports whether a thumbnail would be smaller.
func (i *Image) NeedsThumbnail() bool { return max(i.Width, i.Height) > ThumbnailSide }

// Thumbnail returns a picture of the image within ThumbnailSide, as PNG if it is transparent somewhere, else as JPEG. File is all
// of it, from the beginning. Errors: ErrTooLarge, ErrBusy, ErrNotAnImage, or that of ctx or file.
func (m *Maker) Thumbnail(ctx context.Context, i *Image, file io.Reader) ([]byte, error) {
	return m.shrink(ctx, i, file, func(all image.Rectangle) (from, to image.Rectangle) {
		w, h := all.Dx(), all.Dy()
		if side := max(w, h); side > ThumbnailSide {
			w, h = max(1, w*ThumbnailSide/side), max(1, h*ThumbnailSide/side)
		}
		return all, image.Rect(0, 0, w, h)
	})
}

// Avatar returns the middle of the image as a square of AvatarSide; else it is as Thumbnail.
func (m *Maker) Avatar(ctx context.Context, i *Image, file io.Reader) ([]byte, error) {
	return m.shrink(ctx, i, file, func(all image.Rectangle) (from, to image.Rectangle) {
		side := min(all.Dx(), all.Dy())
		corner := all.Min.Add(image.Pt((all.Dx()-side)/2, (all.Dy()-side)/2))
		return image.Rectangle{corner, corner.Add(image.Pt(side, side))}, image.Rect(0, 0, AvatarSide, AvatarSide)
	})
}

// shrink decodes an image and encodes the part of it that fit chooses, at the size that fit chooses.
func (m *Maker) shrink(ctx context.Context, i *Image, file io.Reader, fit func(all image.Rectangle) (from, to image.Rectangle)) ([]byte, error) {
	if i.pixels > int64(m.maxPixels) {
		return nil, ErrTooLarge
	}
	waiting, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	if m.pixels.Acquire(waiting, i.pixels) != nil {
		return nil, errors.Join(ErrBusy, ctx.Err())
	}
	defer m.pixels.Release(i.pixels)
	ctx, cancel = context.WithTimeout(ctx, decodeTime)
	defer cancel()
	whole, err := i.format.decode(untilDone{ctx, file})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil, int64(whole.Bounds().Dx())*int64(whole.Bounds().Dy()) > i.pixels: // not what its beginning said
		return nil, ErrNotAnImage
	}
	from, to := fit(whole.Bounds())
	small := image.NewRGBA(to)
	draw.BiLinear.Scale(small, to, whole, from, draw.Src, nil)
	return encode(i.orientation.upright(small))
}

func encode(small *image.RGBA) ([]byte, error) {
	var out bytes.Buffer
	if !small.Opaque() {
		err := png.Encode(&out, small)
		return out.Bytes(), err
	}
	err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

// untilDone ends a decoder with its context: decoders know nothing of contexts, but all of them read as they go.
type untilDone struct {
	ctx  context.Context //nolint:containedctx // of one call
	file io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.file.Read(p)
}
