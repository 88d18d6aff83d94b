//! The documents that the servers serve.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::LazyLock,
};

use crate::pattern::digest_line;

/// The length of `/static/large.bin`: large against any buffer or window.
pub const LARGE_LEN: u64 = 256 << 20;
/// A mark begins at each multiple of this; all else is zeros, and a hole on disk.
const STRIDE: usize = 1 << 20;
const MARK_LEN: usize = 8;

/// The content of `/static/hello.txt`.
pub(crate) const HELLO: &str = "hello over a towline\n";

/// Octets of `/static/lines.txt`, and of each block of `/live/lines`.
pub(crate) const BLOCK: usize = 64 * 1024;
const LINE: usize = 128;

/// The content of `/static/lines.txt`: what compresses well, but not as well as zeros.
pub(crate) fn lines() -> &'static [u8] {
    static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        (0..BLOCK / LINE)
            .map(|n| {
                let noise = digest_line(&n.to_be_bytes());
                let (_, noise) = noise.rsplit_once(' ').expect("a count, then a digest");
                format!(
                    "{:<127}\n",
                    format!("{} is of this line alone", &noise[..16])
                )
            })
            .collect::<String>()
            .into_bytes()
    });
    &LINES
}

/// Checks that `data` belongs at `offset` of `/live/lines`: block after block as
/// `/static/lines.txt`, but that each begins with its number in 16 digits.
pub(crate) fn check_lines(mut offset: u64, mut data: &[u8]) {
    const NUMBER_LEN: usize = 16;
    while !data.is_empty() {
        let into = usize::try_from(offset % BLOCK as u64).expect("BLOCK is a usize");
        let run = if into < NUMBER_LEN {
            let run = data.len().min(NUMBER_LEN - into);
            let number = format!("{:016}", offset / BLOCK as u64);
            assert_eq!(data[..run], number.as_bytes()[into..into + run]);
            run
        } else {
            let run = data.len().min(BLOCK - into);
            assert!(data[..run] == lines()[into..into + run], "at {offset}");
            run
        };
        data = &data[run..];
        offset += run as u64;
    }
}

/// Writes the documents under `root`.
pub(crate) fn write(root: &Path) {
    let directory = root.join("static");
    fs::create_dir_all(&directory).expect("the scratch directory is writable");
    for name in ["hello.txt", "trailers.txt"] {
        fs::write(directory.join(name), HELLO).expect("the scratch directory is writable");
    }
    fs::write(directory.join("lines.txt"), lines()).expect("the scratch directory is writable");
    // Those with which the servers push others.
    let pages = root.join("push");
    fs::create_dir_all(&pages).expect("the scratch directory is writable");
    for name in ["page.txt", "large.txt"] {
        fs::write(pages.join(name), HELLO).expect("the scratch directory is writable");
    }
    write_large(&directory.join("large.bin")).expect("the scratch directory is writable");
}

fn write_large(path: &Path) -> std::io::Result<()> {
    let file = File::create(path)?;
    file.set_len(LARGE_LEN)?;
    for offset in (0..LARGE_LEN).step_by(STRIDE) {
        file.write_all_at(&mark(offset), offset)?;
    }
    Ok(())
}

/// Never zero, and different at each place.
fn mark(offset: u64) -> [u8; MARK_LEN] {
    (offset | 1 << 63 | 1).to_be_bytes()
}

/// Checks that `data` belongs at `offset` of `/static/large.bin`.
pub(crate) fn check_large(mut offset: u64, mut data: &[u8]) {
    static ZEROS: [u8; STRIDE] = [0; STRIDE];
    while !data.is_empty() {
        let into = usize::try_from(offset % STRIDE as u64).expect("STRIDE is a usize");
        let run = if into < MARK_LEN {
            let run = data.len().min(MARK_LEN - into);
            let want = mark(offset - into as u64);
            assert!(
                data[..run] == want[into..into + run],
                "wrong mark at {offset}"
            );
            run
        } else {
            let run = data.len().min(STRIDE - into);
            assert!(data[..run] == ZEROS[..run], "no zeros at {offset}");
            run
        };
        data = &data[run..];
        offset += run as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_accepts_what_was_written_in_any_cut_and_nothing_shifted() {
        let directory = tempfile::tempdir().expect("the temporary directory is writable");
        write(directory.path());
        let file = File::open(directory.path().join("static/large.bin")).expect("just written");
        let mut data = vec![0; 2 * STRIDE + 100];
        file.read_exact_at(&mut data, 0).expect("it is longer");
        for cut in [1, 5, 8, STRIDE - 1, STRIDE + 3, 2 * STRIDE + 4] {
            check_large(0, &data[..cut]);
            check_large(cut as u64, &data[cut..]);
        }
        let shifted = std::panic::catch_unwind(|| check_large(1, &data[..STRIDE]));
        assert!(shifted.is_err(), "octets one place off must be noticed");
    }
}
