//! Pictures as bytes: the least of each kind, and what is none.

use super::*;

/// A PNG as far as anybody here looks: signature, header, end.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    bytes.extend(b"\x08\x06\0\0\0\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), b"\0\0\0\x3b"].concat()
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
    [b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08".as_slice(), &size, b"\x01\x11\0\x3f\xff\xd9"].concat()
}

fn webp(width: u16, height: u16) -> Vec<u8> {
    let frame = [b"\0\0\0\x9d\x01\x2a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 8]].concat();
    let length = u32::try_from(frame.len()).unwrap();
    [b"RIFF".as_slice(), &(length + 12).to_le_bytes(), b"WEBPVP8 ", &length.to_le_bytes(), &frame].concat()
}

fn of(bytes: Vec<u8>) -> Result<Image> {
    image("x".to_owned(), bytes)
}

#[test]
fn the_kind_and_the_size_are_read_from_the_bytes() {
    for (bytes, kind) in [
        (png(640, 480), ImageKind::Png),
        (gif(640, 480), ImageKind::Gif),
        (jpeg(640, 480), ImageKind::Jpeg),
        (webp(640, 480), ImageKind::Webp),
    ] {
        let image = of(bytes.clone()).unwrap_or_else(|e| panic!("{kind:?}: {}", e.message));
        assert_eq!((image.kind, image.width, image.height, &*image.bytes), (kind, 640, 480, &bytes[..]));
    }
}

#[test]
fn what_is_no_whole_picture_is_refused() {
    let cut = |mut bytes: Vec<u8>, off: usize| {
        bytes.truncate(bytes.len() - off);
        bytes
    };
    let none = "`x` is not a PNG, JPEG, GIF or WebP picture";
    let damaged = "`x` is cut short or damaged";
    for (name, bytes, message) in [
        ("nothing", vec![], "`x` is empty"),
        ("a byte", vec![0x89], none),
        ("a text", b"hello, I am a picture".to_vec(), none),
        ("an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), none),
        ("a PDF", b"%PDF-1.7 ...".to_vec(), none),
        ("a BMP", b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0".to_vec(), none),
        ("a TIFF", b"II*\0\x08\0\0\0".to_vec(), none),
        ("a HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), none),
        ("an AVIF", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif".to_vec(), none),
        ("zeros", vec![0; 64], none),
        ("a PNG's first bytes", png(1, 1)[..12].to_vec(), damaged),
        ("a PNG without its end", cut(png(9, 9), 8), damaged),
        ("a GIF's first bytes", gif(1, 1)[..12].to_vec(), damaged),
        ("a GIF without its end", cut(gif(9, 9), 1), damaged),
        ("a JPEG's first bytes", jpeg(1, 1)[..12].to_vec(), damaged),
        ("a JPEG without its end", cut(jpeg(9, 9), 2), damaged),
        ("a WebP's first bytes", webp(1, 1)[..16].to_vec(), damaged),
        ("a WebP without its end", cut(webp(9, 9), 1), damaged),
        ("a PNG of no width", png(0, 9), damaged),
        ("a GIF of no height", gif(9, 0), damaged),
    ] {
        let error = of(bytes).expect_err(name);
        assert_eq!((error.message.as_str(), error.exit_code()), (message, 2), "{name}");
    }
}

#[test]
fn a_picture_may_come_on_stdin_and_only_once() {
    let stdin = |bytes: &[u8]| Stdin {
        kind: crate::input::StdinKind::Data,
        reader: std::io::Cursor::new(bytes.to_vec()),
        silence: crate::input::SILENCE,
    };
    let paths = [PathBuf::from("-")];
    let images = read(&paths, stdin(&png(3, 4)), |_| {}).unwrap();
    assert_eq!((images[0].name.as_str(), images[0].width), ("standard input", 3));
    assert!(takes_stdin(&paths) && !takes_stdin(&[PathBuf::from("a.png")]));
    let error = read(&paths, stdin(b""), |_| {}).unwrap_err();
    assert_eq!(error.message, "`standard input` is empty");
    let words = |dash: bool| if dash { vec!["hi".to_owned(), "-".to_owned()] } else { vec!["hi".to_owned()] };
    for (paths, dash, files, no_stdin, expected) in [
        (&["-"][..], false, &[][..], false, None),
        (&["-", "-"], false, &[], false, Some("twice")),
        (&["-"], true, &[], false, Some("twice")),
        (&["-"], false, &["-"], false, Some("twice")),
        (&["-"], false, &[], true, Some("--no-stdin")),
        (&["a.png"], true, &[], false, None),
    ] {
        let owned = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (words, files) = (words(dash), owned(files));
        let given = Given { words: &words, files: &files, no_stdin };
        let error = check(&owned(paths), &given).err().map(|error| error.message);
        assert_eq!(error.is_some(), expected.is_some(), "{paths:?} {error:?}");
        assert!(error.is_none_or(|message| message.contains(expected.unwrap())));
    }
}
