//! Gzip whose bytes depend on nothing but its input: not on the number of threads, the time or the machine.
//!
//! The input is cut into blocks of one MiB. Each is a raw deflate stream of its own, without the dictionary of the block before,
//! so that all cores work at once; joined they are one gzip member (RFC 1952). The vector instructions that the compressor
//! picks at run time only find the same matches sooner.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    num::NonZero,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::{
    digest::Digest,
    image::{Descriptor, ImageError, layout::LayoutWriter, spec::LAYER_GZIP, tee::Tee},
};

/// Name of this way to compress; it changes whenever the same input would give other bytes.
pub(super) const SCHEME: &str = "gzip-6-1m-1";

const BLOCK: usize = 1 << 20;
const LEVEL: u32 = 6;
/// No name, no time, no flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what `fill` writes into a layout, on all cores; returns the layer and the digest of its uncompressed bytes.
pub(super) fn put(
    writer: &LayoutWriter,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(Descriptor, Digest), ImageError> {
    let mut file = writer.scratch()?;
    let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let (diff_id, digest, size) = compress_hashed(threads, file.as_file_mut(), fill)
        .map_err(ImageError::io("write the layer", file.path()))?;
    writer.keep(file, digest)?;
    let layer = Descriptor {
        media_type: LAYER_GZIP.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
        urls: Vec::new(),
    };
    Ok((layer, diff_id))
}

fn compress_hashed(
    threads: NonZero<usize>,
    file: &mut File,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(Digest, Digest, u64)> {
    let mut compressed = Tee::new(io::BufWriter::new(file));
    let diff_id = compress(threads, &mut compressed, |sink| {
        let mut plain = Tee::new(sink);
        fill(&mut plain)?;
        Ok(plain.finish().0)
    })?;
    compressed.flush()?;
    let (digest, size) = compressed.finish();
    Ok((diff_id, digest, size))
}

struct Job {
    block: Vec<u8>,
    flush: FlushCompress,
    done: mpsc::SyncSender<io::Result<Vec<u8>>>,
}

type Compressed = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Compresses what `fill` writes into `output`, on `threads` threads besides the caller's.
///
/// # Errors
/// What `fill` or `output` answer.
pub(super) fn compress<T>(
    threads: NonZero<usize>,
    output: &mut (impl Write + Send),
    fill: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    output.write_all(&HEADER)?;
    // Two blocks for each thread wait at most: one being compressed, one ready to follow.
    let waiting = threads.get() * 2;
    let (jobs, next_job) = mpsc::sync_channel::<Job>(waiting);
    let (order, in_order) = mpsc::sync_channel::<Compressed>(waiting);
    let next_job = Mutex::new(next_job);
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| work(&next_job));
        }
        let writer = scope.spawn(|| {
            for block in in_order {
                output.write_all(&block.recv().map_err(io::Error::other)??)?;
            }
            Ok(())
        });
        let mut blocks = Blocks {
            block: Vec::with_capacity(BLOCK),
            crc: Crc::new(),
            length: 0,
            jobs,
            order,
        };
        let filled = fill(&mut blocks).and_then(|filled| Ok((filled, blocks.finish()?)));
        let written: io::Result<()> = writer
            .join()
            .map_err(|_| io::Error::other("a compressing thread panicked"))?;
        // The writer's error is the cause where both ended: without it, nobody takes blocks.
        written?;
        let (filled, (crc, length)) = filled?;
        Ok((filled, crc, length))
    })
    .and_then(|(filled, crc, length)| {
        output.write_all(&crc.to_le_bytes())?;
        output.write_all(&length.to_le_bytes())?;
        Ok(filled)
    })
}

struct Blocks {
    block: Vec<u8>,
    crc: Crc,
    length: u32,
    jobs: mpsc::SyncSender<Job>,
    order: mpsc::SyncSender<Compressed>,
}

impl Blocks {
    fn send(&mut self, flush: FlushCompress) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.crc.update(&block);
        // RFC 1952 asks for the length modulo 2^32; a block is shorter than that.
        self.length = self
            .length
            .wrapping_add(u32::try_from(block.len()).map_err(io::Error::other)?);
        let (done, compressed) = mpsc::sync_channel(1);
        let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.order.send(compressed).map_err(closed)?;
        self.jobs
            .send(Job { block, flush, done })
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn finish(mut self) -> io::Result<(u32, u32)> {
        self.send(FlushCompress::Finish)?;
        Ok((self.crc.sum(), self.length))
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            // A sync flush ends a block on a whole byte, so that the next may follow.
            self.send(FlushCompress::Sync)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(job) = next() {
        // A writer that ended early takes no block; jobs are still taken, so that the caller does not wait to hand them over.
        drop(job.done.send(deflate(&job.block, job.flush)));
    }
}

fn deflate(block: &[u8], flush: FlushCompress) -> io::Result<Vec<u8>> {
    let mut compressor = Compress::new(Compression::new(LEVEL), false);
    let mut output = Vec::with_capacity(block.len() + block.len() / 8 + 1024);
    loop {
        let read = usize::try_from(compressor.total_in()).map_err(io::Error::other)?;
        let status = compressor
            .compress_vec(&block[read..], &mut output, flush)
            .map_err(io::Error::other)?;
        let all_read = compressor.total_in() == block.len() as u64;
        match flush {
            FlushCompress::Finish if status == Status::StreamEnd => return Ok(output),
            FlushCompress::Sync if all_read && output.len() < output.capacity() => {
                return Ok(output);
            }
            _ => output.reserve(block.len() / 8 + 1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn compressed(threads: usize, input: &[u8], step: usize) -> Vec<u8> {
        let mut output = Vec::new();
        let threads = NonZero::new(threads).expect("a test gives a number");
        compress(threads, &mut output, |sink| {
            input
                .chunks(step)
                .try_for_each(|chunk| sink.write_all(chunk))
        })
        .expect("memory takes all bytes");
        output
    }

    /// Text, runs and noise, from a fixed generator.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        (0..length)
            .map(|at| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                match (at / 5000) % 3 {
                    0 => b'a',
                    1 => b"the quick brown fox "[at % 20],
                    _ => state.to_le_bytes()[0],
                }
            })
            .collect()
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_or_on_how_the_input_comes() {
        let input = sample(3 * BLOCK + 12_345);
        let expected = compressed(1, &input, BLOCK);
        for (threads, step) in [(2, 1 << 16), (7, 4097), (16, input.len())] {
            assert_eq!(
                compressed(threads, &input, step),
                expected,
                "{threads} threads, {step} bytes"
            );
        }
    }

    #[test]
    fn any_length_reads_back_and_the_bytes_stay_what_they_were() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK] {
            let input = sample(length);
            let mut output = Vec::new();
            // Not the reader of several members: it must be one.
            flate2::read::GzDecoder::new(compressed(2, &input, BLOCK).as_slice())
                .read_to_end(&mut output)
                .expect("a valid stream");
            assert!(output == input, "{length} bytes");
        }
        // A new version of the compressor that writes other bytes needs a new name of the scheme.
        assert_eq!(
            crate::digest::Digest::of(compressed(2, &sample(BLOCK + 1), BLOCK)).short(),
            "b5a908e16298"
        );
    }

    #[test]
    fn an_output_that_fails_ends_the_work_with_its_error() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self
                    .0
                    .checked_sub(bytes.len())
                    .ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let block = vec![0; BLOCK];
        let problem = compress(NonZero::<usize>::MIN, &mut Full(1000), |sink| {
            (0..100).try_for_each(|_| sink.write_all(&block))
        })
        .expect_err("the output is full");
        assert_eq!(problem.kind(), io::ErrorKind::StorageFull);
    }
}
