#!/bin/sh
# Makes the packed kernels anew, with xz-utils, lz4, zstd and gzip:
#   cargo test -p pvgrub-handover write_the_kernel -- --ignored   (writes handover/kernel)
#   mv handover/kernel handover/src/image/tests/packed/ && cd handover/src/image/tests/packed && sh make.sh
set -eu
gzip -n -9 < kernel > kernel.gz
xz --check=crc32 --x86 --lzma2=dict=1MiB < kernel > kernel.xz
xz --check=crc64 < kernel > kernel.crc64.xz
xz --check=none -T2 --block-size=24KiB < kernel > kernel.blocks.xz
head -c 99 kernel | xz --check=sha256 > sha256.xz
head -c 99 kernel | xz --check=crc32 --delta=dist=4 --lzma2=dict=64KiB > delta.xz
lzma -9 < kernel > kernel.lzma
lz4 -l -9 < kernel > kernel.lz4
zstd -22 --ultra < kernel > kernel.zst
zstd -q -19 --no-check kernel -o kernel.sized.zst
rm kernel
