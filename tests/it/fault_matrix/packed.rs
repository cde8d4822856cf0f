//! Bodies packed as gzip, by hand: good, damaged, and one that swells when it is unpacked.

/// The head of a gzip member without name or time.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The longest stored block.
const BLOCK: usize = 0xffff;

/// These bytes as gzip, stored as they are.
pub fn good(bytes: &[u8]) -> Vec<u8> {
    let mut packed = HEAD.to_vec();
    store(bytes, true, &mut packed);
    packed.extend(crc32(bytes).to_le_bytes());
    packed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    packed
}

/// These bytes, and then a block of a kind that does not exist.
pub fn broken(bytes: &[u8]) -> Vec<u8> {
    let mut packed = HEAD.to_vec();
    store(bytes, false, &mut packed);
    packed.extend([0x07; 16]);
    packed
}

/// A beginning and so many spaces, of which 258 take 13 bits: a length and a distance of the fixed code.
pub fn bomb(beginning: &[u8], spaces: usize) -> Vec<u8> {
    let mut packed = HEAD.to_vec();
    store(beginning, false, &mut packed);
    let mut bits = Bits { bytes: packed, open: 0, filled: 0 };
    bits.push(1, 1); // The last block
    bits.push(1, 2); // of the fixed code.
    bits.push_code(0x30 + u32::from(b' '), 8);
    for _ in 0..spaces / 258 {
        bits.push_code(0b1100_0101, 8); // 258 bytes
        bits.push_code(0, 5); // from one byte back.
    }
    bits.push_code(0, 7); // The end.
    bits.push(0, 7);
    bits.bytes.extend([0; 8]); // Nobody comes to the checksum.
    bits.bytes
}

fn store(bytes: &[u8], last: bool, packed: &mut Vec<u8>) {
    let blocks: Vec<&[u8]> = bytes.chunks(BLOCK).collect();
    for (i, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        packed.push(u8::from(last && i + 1 == blocks.len()));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(*block);
    }
}

/// Bits from the lowest of a byte to its highest.
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    filled: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.open |= value << self.filled;
        self.filled += count;
        while self.filled >= 8 {
            self.bytes.push((self.open & 0xff) as u8);
            self.open >>= 8;
            self.filled -= 8;
        }
    }

    /// A Huffman code, which goes in from its highest bit.
    fn push_code(&mut self, code: u32, count: u32) {
        (0..count).rev().for_each(|bit| self.push(code >> bit & 1, 1));
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, step)
}
