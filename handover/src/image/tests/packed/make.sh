#!/bin/sh
# Makes the packed kernels anew, with xz-utils, lz4, zstd and gzip:
#   cargo test -p pvgrub-handover write_the_kernels -- --ignored   (writes handover/kernel and handover/small)
#   mv handover/kernel handover/small handover/src/image/tests/packed/ && cd handover/src/image/tests/packed && sh make.sh
set -eu
pack() {
  gzip -n -9 < "$1" > "$1.gz"
  xz --check=crc32 --x86 --lzma2=dict=1MiB < "$1" > "$1.xz"
  xz --check=crc64 < "$1" > "$1.crc64.xz"
  xz --check=none -T2 --block-size="$2" < "$1" > "$1.blocks.xz"
  lzma -9 < "$1" > "$1.lzma"
  lz4 -l -9 < "$1" > "$1.lz4"
  zstd -22 --ultra < "$1" > "$1.zst"
  zstd -qf -19 --no-check "$1" -o "$1.sized.zst"
}
pack kernel 24KiB
pack small 8KiB
head -c 99 kernel | xz --check=sha256 > sha256.xz
head -c 99 kernel | xz --check=crc32 --delta=dist=4 --lzma2=dict=64KiB > delta.xz
rm kernel small
