//! Reading what is in a frame without trusting it: no recursion, no allocation, no length that is not checked.

/// How deeply tables and arrays may be nested.
const DEEPEST: usize = 16;

/// What is wrong with a frame.
pub(super) type Wrong = &'static str;

const SHORT: Wrong = "it ends too early";
const TEXT: Wrong = "a text is not UTF-8";

/// Goes through bytes from the front.
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len()).ok_or(SHORT)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Wrong> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Wrong> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().map_err(|_| SHORT)?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Wrong> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| SHORT)?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Wrong> {
        Ok(u64::from_be_bytes(self.take(8)?.try_into().map_err(|_| SHORT)?))
    }

    /// A text with its length in one byte.
    pub(super) fn short_text(&mut self) -> Result<(), Wrong> {
        let length = self.u8()?;
        std::str::from_utf8(self.take(usize::from(length))?).map(drop).map_err(|_| TEXT)
    }

    fn long_text(&mut self) -> Result<(), Wrong> {
        let length = self.u32()?;
        std::str::from_utf8(self.take(length as usize)?).map(drop).map_err(|_| TEXT)
    }

    /// A table with all that is in it, and the kinds of values that the parser behind this guard knows.
    pub(super) fn table(&mut self) -> Result<(), Wrong> {
        // The ends of the tables (whose values have names) and arrays that are open.
        let mut open = [(0, false); DEEPEST];
        let mut depth = 0;
        self.nest(true, &mut open, &mut depth)?;
        while depth > 0 {
            let (end, named) = open[depth - 1];
            if self.at >= end {
                if self.at > end {
                    return Err("a value reaches beyond its table");
                }
                depth -= 1;
                continue;
            }
            if named {
                self.short_text()?;
            }
            match self.u8()? {
                b't' | b'b' | b'B' => self.take(1).map(drop)?,
                b's' | b'U' | b'u' => self.take(2).map(drop)?,
                b'I' | b'i' | b'f' => self.take(4).map(drop)?,
                b'D' => self.take(5).map(drop)?,
                b'L' | b'l' | b'd' | b'T' => self.take(8).map(drop)?,
                b'S' => self.long_text()?,
                b'x' => {
                    let length = self.u32()?;
                    self.take(length as usize)?;
                }
                b'V' => {}
                b'F' => self.nest(true, &mut open, &mut depth)?,
                b'A' => self.nest(false, &mut open, &mut depth)?,
                _ => return Err("a value is of no known kind"),
            }
        }
        Ok(())
    }

    fn nest(
        &mut self,
        named: bool,
        open: &mut [(usize, bool); DEEPEST],
        depth: &mut usize,
    ) -> Result<(), Wrong> {
        let length = self.u32()?;
        let end = self.at.checked_add(length as usize).filter(|end| *end <= self.bytes.len()).ok_or(SHORT)?;
        *open.get_mut(*depth).ok_or("tables are nested too deeply")? = (end, named);
        *depth += 1;
        Ok(())
    }
}

/// Goes through the properties of a message.
pub(super) fn properties(bytes: &[u8]) -> Result<(), Wrong> {
    let mut cursor = Cursor { bytes, at: 0 };
    let flags = cursor.u16()?;
    if flags & 0b11 != 0 {
        return Err("it has properties that do not exist");
    }
    let has = |bit: u32| flags & (1 << bit) != 0;
    for bit in (2..16).rev().filter(|bit| has(*bit)) {
        match bit {
            13 => cursor.table()?,
            12 | 11 => cursor.u8().map(drop)?,
            6 => cursor.u64().map(drop)?,
            _ => cursor.short_text()?,
        }
    }
    if cursor.at == bytes.len() { Ok(()) } else { Err("it goes on after its end") }
}

/// Makes the text at `at`, its length in one byte, one that is UTF-8, and tells where it ends.
pub(super) fn mend_text(bytes: &mut [u8], at: usize) -> Result<usize, Wrong> {
    let length = usize::from(*bytes.get(at).ok_or(SHORT)?);
    let end = at + 1 + length;
    let text = bytes.get_mut(at + 1..end).ok_or(SHORT)?;
    if std::str::from_utf8(text).is_err() {
        text.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
    Ok(end)
}
