//! Text on a linear framebuffer.
//!
//! The screen is written like a ring: after the last row it starts over at the top, one empty row
//! marks the seam. No pixel is ever read back or moved, because framebuffer reads are slow.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

const FONT_HEIGHT: usize = RasterHeight::Size16 as usize;
const FONT_WIDTH: usize = get_raster_width(FontWeight::Regular, RasterHeight::Size16);

/// Order of the colour bytes within a pixel, lowest address first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelOrder {
    /// Red, green, blue, unused.
    Rgb,
    /// Blue, green, red, unused.
    Bgr,
}

/// Shape of a framebuffer with 32 bits per pixel.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Visible pixels per row.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels from one row to the next.
    pub stride: usize,
    /// Order of the colour bytes.
    pub order: PixelOrder,
}

/// A text colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// Ordinary lines.
    pub const WHITE: Self = Self {
        red: 0xd8,
        green: 0xd8,
        blue: 0xd8,
    };
    /// Details.
    pub const GREY: Self = Self {
        red: 0x80,
        green: 0x80,
        blue: 0x80,
    };
    /// Warnings.
    pub const YELLOW: Self = Self {
        red: 0xf0,
        green: 0xc0,
        blue: 0x40,
    };
    /// Errors and panics.
    pub const RED: Self = Self {
        red: 0xff,
        green: 0x60,
        blue: 0x50,
    };
    /// Verdicts.
    pub const GREEN: Self = Self {
        red: 0x60,
        green: 0xd8,
        blue: 0x80,
    };

    /// The colour at `intensity` of 255 over black, as a pixel.
    fn shade(self, intensity: u8, order: PixelOrder) -> u32 {
        let scale = |part: u8| u32::from(part) * u32::from(intensity) / 255;
        let (red, green, blue) = (scale(self.red), scale(self.green), scale(self.blue));
        match order {
            PixelOrder::Rgb => red | green << 8 | blue << 16,
            PixelOrder::Bgr => blue | green << 8 | red << 16,
        }
    }
}

/// A framebuffer used as a ring of text rows.
pub struct Screen {
    pixels: &'static mut [u32],
    geometry: Geometry,
    next_row: usize,
}

impl Screen {
    /// Takes a framebuffer over and clears its first row. `None` if the geometry does not fit the
    /// pixels or leaves no room for text.
    #[must_use]
    pub fn new(pixels: &'static mut [u32], geometry: Geometry) -> Option<Self> {
        let needed = geometry.stride.checked_mul(geometry.height)?;
        let fits = geometry.width <= geometry.stride && needed <= pixels.len();
        let has_room = geometry.width >= FONT_WIDTH && geometry.height >= 2 * FONT_HEIGHT;
        (fits && has_room).then_some(Self {
            pixels,
            geometry,
            next_row: 0,
        })
    }

    /// Makes the whole screen black and starts at the top.
    pub fn clear(&mut self) {
        self.pixels.fill(0);
        self.next_row = 0;
    }

    /// Writes `line` in as many rows as it needs.
    pub fn write_line(&mut self, line: &[u8], colour: Colour) {
        let columns = self.geometry.width / FONT_WIDTH;
        if line.is_empty() {
            self.write_row(&[], colour);
        }
        for row in line.chunks(columns) {
            self.write_row(row, colour);
        }
    }

    fn write_row(&mut self, text: &[u8], colour: Colour) {
        let rows = self.geometry.height / FONT_HEIGHT;
        let row = self.next_row;
        self.next_row = (row + 1) % rows;
        self.clear_row(row, text.len() * FONT_WIDTH);
        self.clear_row(self.next_row, 0);
        for (column, &byte) in text.iter().enumerate() {
            self.draw(row, column, char::from(byte), colour);
        }
    }

    /// Blackens a row of text from pixel column `from` on.
    fn clear_row(&mut self, row: usize, from: usize) {
        for line in row * FONT_HEIGHT..(row + 1) * FONT_HEIGHT {
            let start = line * self.geometry.stride;
            self.pixels[start + from..start + self.geometry.width].fill(0);
        }
    }

    fn draw(&mut self, row: usize, column: usize, character: char, colour: Colour) {
        let shape = |c| get_raster(c, FontWeight::Regular, RasterHeight::Size16);
        let Some(shape) = shape(character).or_else(|| shape('?')) else {
            return;
        };
        let corner = row * FONT_HEIGHT * self.geometry.stride + column * FONT_WIDTH;
        for (y, intensities) in shape.raster().iter().enumerate() {
            let start = corner + y * self.geometry.stride;
            let pixels = &mut self.pixels[start..start + FONT_WIDTH];
            for (pixel, &intensity) in pixels.iter_mut().zip(intensities.iter()) {
                *pixel = match intensity {
                    0 => 0,
                    _ => colour.shade(intensity, self.geometry.order),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec;

    const GEOMETRY: Geometry = Geometry {
        width: 4 * FONT_WIDTH,
        height: 3 * FONT_HEIGHT,
        stride: 4 * FONT_WIDTH + 3,
        order: PixelOrder::Bgr,
    };

    fn screen() -> Screen {
        let pixels = vec![0xdead_beef_u32; GEOMETRY.stride * GEOMETRY.height];
        Screen::new(Box::leak(pixels.into_boxed_slice()), GEOMETRY).unwrap()
    }

    fn lit(screen: &Screen, row: usize) -> usize {
        let start = row * FONT_HEIGHT * GEOMETRY.stride;
        screen.pixels[start..start + FONT_HEIGHT * GEOMETRY.stride]
            .chunks(GEOMETRY.stride)
            .flat_map(|line| &line[..GEOMETRY.width])
            .filter(|&&pixel| pixel != 0)
            .count()
    }

    #[test]
    fn text_lights_its_row_and_clears_the_next() {
        let mut screen = screen();
        screen.write_line(b"ab", Colour::WHITE);
        assert!(lit(&screen, 0) > 20);
        assert_eq!(lit(&screen, 1), 0);
    }

    #[test]
    fn long_lines_wrap_and_the_screen_is_a_ring() {
        let mut screen = screen();
        screen.write_line(b"abcdefghijklm", Colour::RED); // 4 + 4 + 4 characters, then the top again
        assert!(lit(&screen, 0) > 0 && lit(&screen, 2) > 0);
        assert_eq!(lit(&screen, 1), 0);
    }

    #[test]
    fn pixels_beyond_the_visible_width_stay_untouched() {
        let mut screen = screen();
        screen.write_line(b"MMMM", Colour::RED);
        assert_eq!(screen.pixels[GEOMETRY.width], 0xdead_beef);
    }

    #[test]
    fn the_pixel_order_decides_where_red_is() {
        let red = Colour {
            red: 0xff,
            green: 0,
            blue: 0,
        };
        assert_eq!(red.shade(255, PixelOrder::Bgr), 0x00ff_0000);
        assert_eq!(red.shade(255, PixelOrder::Rgb), 0x0000_00ff);
    }

    #[test]
    fn impossible_geometry_is_refused() {
        let pixels = Box::leak(vec![0_u32; 10].into_boxed_slice());
        assert!(Screen::new(pixels, GEOMETRY).is_none());
    }
}
