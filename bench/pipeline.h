// What the rows of bench/pipeline share. A row measures one stage of the pipeline alone; a row of
// the same name with _limit is the least that any program must do for it.
#ifndef ADP_BENCH_PIPELINE_H
#define ADP_BENCH_PIPELINE_H

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

// AddRow registers |row|. What it throws fails the row, and in the end the program.
benchmark::internal::Benchmark *AddRow(const std::string &name,
                                       std::function<void(benchmark::State &)> row);

// By what they are about; each makes its data when a row first needs it.
void AddMemoryRows();    // probe, compress, digest, segment, parity
void AddSmallFileRows(); // walk, read_small
void AddLargeFileRows(); // read_large, write

// CheckErrno throws what errno says unless |ok|; Expect throws |what|.
void CheckErrno(bool ok, const char *what);
void Expect(bool ok, const char *what);

// Folder is the temporary folder's path. All in it is removed when the program ends.
const std::string &Folder();

// DropCaches empties the kernel's caches of files that are synced. False without root.
bool DropCaches();

// FillRandom fills |len| bytes, a multiple of 8, with what does not compress.
void FillRandom(uint8_t *out, size_t len, uint64_t seed);

// Descriptor closes what it holds.
class Descriptor
{
  public:
    // Throws if |fd| is negative.
    Descriptor(int fd, const char *what);
    Descriptor(Descriptor &&other) noexcept;
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor();
    int get() const
    {
        return fd_;
    }

  private:
    int fd_;
};

#endif
