// One large file around the page cache: rows read_large/BACKEND and write/BACKEND by io/ioq.h, and
// the same transfers on a bare ring.
extern "C" {
#include "entry.h"
#include "ioq.h"
}

#include "pipeline.h"

#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

namespace
{

constexpr uint64_t kFileLen = 256 << 20;
constexpr unsigned kDepth = 32;
constexpr size_t kReadLen = 1 << 20;
constexpr size_t kWriteLen = 256 << 10;
constexpr size_t kMemoryLen = kDepth * kReadLen;
constexpr size_t kHugePageLen = 2 << 20;

// The buffers of all rows, in huge pages as the pipeline has them. They stay: a transfer of a row
// that failed may still be on its way.
uint8_t *Memory()
{
    static uint8_t *const memory = [] {
        void *made = std::aligned_alloc(kHugePageLen, kMemoryLen);

        CheckErrno(made != nullptr, "memory");
        (void)madvise(made, kMemoryLen, MADV_HUGEPAGE);
        FillRandom(static_cast<uint8_t *>(made), kMemoryLen, 3);
        return static_cast<uint8_t *>(made);
    }();
    return memory;
}

// What is transferred: one length, into or out of |Memory| slot by slot.
struct Shape {
    adp_io_op op;
    size_t len;
};

// Mover has up to kDepth transfers in flight, each of a slot of its own.
class Mover
{
  public:
    virtual ~Mover() = default;
    virtual void Begin(int fd) = 0;
    virtual void Start(unsigned slot, uint64_t offset) = 0;
    // Wait appends to |done| the slots that were moved whole, at least one.
    virtual void Wait(std::vector<unsigned> *done) = 0;
    virtual void End() = 0;
};

using MakeMover = std::function<std::unique_ptr<Mover>(const Shape &)>;

void CheckMoved(int64_t result, size_t len)
{
    errno = static_cast<int>(-result);
    CheckErrno(result >= 0, "transfer");
    Expect(static_cast<size_t>(result) == len, "a transfer is short");
}

class QueueMover : public Mover
{
  public:
    QueueMover(const Shape &shape, adp_ioq_backend backend)
    {
        errno = -adp_ioq_new(&queue_, backend, kDepth, 1, Memory(), kMemoryLen);
        CheckErrno(errno == 0, "a queue of this kind");
        for (unsigned i = 0; i < kDepth; i++) {
            reqs_[i].op = shape.op;
            reqs_[i].buf = Memory() + i * shape.len;
            reqs_[i].len = shape.len;
        }
    }
    ~QueueMover() override
    {
        adp_ioq_free(queue_);
    }
    void Begin(int fd) override
    {
        file_ = adp_ioq_file_add(queue_, fd);
        Expect(file_ >= 0, "the queue does not take the file");
    }
    void Start(unsigned slot, uint64_t offset) override
    {
        reqs_[slot].file = file_;
        reqs_[slot].offset = offset;
        Expect(adp_ioq_submit(queue_, &reqs_[slot]) == 0, "the queue does not take a request");
    }
    void Wait(std::vector<unsigned> *done) override
    {
        adp_io_req *completed[kDepth];
        int num = adp_ioq_wait(queue_, completed, kDepth);

        Expect(num > 0, "the queue failed");
        for (int i = 0; i < num; i++) {
            CheckMoved(completed[i]->result, completed[i]->len);
            done->push_back(static_cast<unsigned>(completed[i] - reqs_));
        }
    }
    void End() override
    {
        adp_ioq_file_remove(queue_, file_);
    }

  private:
    adp_ioq *queue_ = nullptr;
    int file_ = -1;
    adp_io_req reqs_[kDepth] = {};
};

// The bare ring, with all that makes it fast.
class RingMover : public Mover
{
  public:
    explicit RingMover(const Shape &shape) : shape_(shape)
    {
        iovec buffer = {Memory(), kMemoryLen};
        int rc = io_uring_queue_init(kDepth, &ring_,
                                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

        if (rc == -EINVAL) /* before Linux 6.1 */
            rc = io_uring_queue_init(kDepth, &ring_, 0);
        errno = -rc;
        CheckErrno(rc == 0, "a ring");
        has_buffer_ = io_uring_register_buffers(&ring_, &buffer, 1) == 0;
    }
    ~RingMover() override
    {
        io_uring_queue_exit(&ring_);
    }
    void Begin(int fd) override
    {
        Expect(io_uring_register_files(&ring_, &fd, 1) == 0, "the ring does not take the file");
    }
    void Start(unsigned slot, uint64_t offset) override
    {
        io_uring_sqe *sqe = io_uring_get_sqe(&ring_);
        uint8_t *data = Memory() + slot * shape_.len;
        unsigned len = static_cast<unsigned>(shape_.len);

        Expect(sqe != nullptr, "the ring is full");
        if (shape_.op == ADP_IO_READ && has_buffer_)
            io_uring_prep_read_fixed(sqe, 0, data, len, offset, 0);
        else if (shape_.op == ADP_IO_READ)
            io_uring_prep_read(sqe, 0, data, len, offset);
        else if (has_buffer_)
            io_uring_prep_write_fixed(sqe, 0, data, len, offset, 0);
        else
            io_uring_prep_write(sqe, 0, data, len, offset);
        io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
        sqe->user_data = slot;
    }
    void Wait(std::vector<unsigned> *done) override
    {
        io_uring_cqe *cqe;
        unsigned head, num = 0;

        Expect(io_uring_submit_and_wait(&ring_, 1) >= 0, "the ring failed");
        io_uring_for_each_cqe(&ring_, head, cqe)
        {
            CheckMoved(cqe->res, shape_.len);
            done->push_back(static_cast<unsigned>(cqe->user_data));
            num++;
        }
        io_uring_cq_advance(&ring_, num);
    }
    void End() override
    {
        io_uring_unregister_files(&ring_);
    }

  private:
    Shape shape_;
    io_uring ring_;
    bool has_buffer_ = false;
};

// Every part of a file begins with its offset, by which a transfer to or from elsewhere shows.
void Stamp(uint8_t *part, uint64_t offset)
{
    std::memcpy(part, &offset, sizeof(offset));
}

bool IsStamped(const uint8_t *part, uint64_t offset)
{
    return std::memcmp(part, &offset, sizeof(offset)) == 0;
}

void MoveAll(Mover *mover, const Shape &shape)
{
    std::vector<unsigned> free_slots, done;
    uint64_t offsets[kDepth], next = 0, num_moved = 0;

    for (unsigned i = 0; i < kDepth; i++)
        free_slots.push_back(i);
    while (num_moved < kFileLen) {
        for (; next < kFileLen && !free_slots.empty(); next += shape.len) {
            unsigned slot = free_slots.back();
            free_slots.pop_back();
            offsets[slot] = next;
            Stamp(Memory() + slot * shape.len, shape.op == ADP_IO_WRITE ? next : ~next);
            mover->Start(slot, next);
        }
        done.clear();
        mover->Wait(&done);
        for (unsigned slot : done) {
            Expect(IsStamped(Memory() + slot * shape.len, offsets[slot]), "other bytes were read");
            free_slots.push_back(slot);
            num_moved += shape.len;
        }
    }
}

// --- Reading

// Written around the page cache as well, so that nothing of it is there.
const std::string &LargeFile()
{
    static const std::string path = [] {
        std::string made = Folder() + "/large";
        Descriptor fd(open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0600),
                      "create a file with O_DIRECT");

        for (uint64_t offset = 0; offset < kFileLen; offset += kReadLen) {
            uint8_t *part = Memory() + offset % kMemoryLen;

            Stamp(part, offset);
            CheckErrno(write(fd.get(), part, kReadLen) == static_cast<ssize_t>(kReadLen), "write");
        }
        CheckErrno(fsync(fd.get()) == 0, "fsync");
        return made;
    }();
    return path;
}

// To look whether the file is cached may have the kernel read a page of it, and find that if the
// disk is quick: then once more.
Descriptor OpenCold(const std::string &path)
{
    for (int tries = 0; tries < 10; tries++) {
        Descriptor fd(open(path.c_str(), O_RDONLY | O_NOATIME), "open");

        (void)posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
        (void)DropCaches(); /* where the file's blocks lie; without root that is known */
        if (adp_entry_go_direct(fd.get()))
            return fd;
    }
    throw std::runtime_error("no O_DIRECT here: set ADP_BENCH_DIR to a disk");
}

void ReadLarge(benchmark::State &state, const MakeMover &make)
{
    const Shape shape = {ADP_IO_READ, kReadLen};
    const std::string &path = LargeFile();
    std::unique_ptr<Mover> mover = make(shape);

    for (auto _ : state) {
        state.PauseTiming();
        Descriptor fd = OpenCold(path);
        mover->Begin(fd.get());
        state.ResumeTiming();
        MoveAll(mover.get(), shape);
        state.PauseTiming();
        mover->End();
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kFileLen));
}

// --- Writing

void CheckWritten(const std::string &path)
{
    Descriptor fd(open(path.c_str(), O_RDONLY), "open");
    uint8_t start[sizeof(uint64_t)];

    Expect(static_cast<uint64_t>(lseek(fd.get(), 0, SEEK_END)) == kFileLen, "the file is short");
    for (uint64_t offset = 0; offset < kFileLen; offset += 61 * kWriteLen)
        Expect(pread(fd.get(), start, sizeof(start), static_cast<off_t>(offset)) == sizeof(start) &&
                   IsStamped(start, offset),
               "other bytes were written");
}

void Write(benchmark::State &state, const MakeMover &make)
{
    const Shape shape = {ADP_IO_WRITE, kWriteLen};
    const std::string path = Folder() + "/written";
    std::unique_ptr<Mover> mover = make(shape);

    for (auto _ : state) {
        state.PauseTiming();
        unlink(path.c_str());
        Descriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_DIRECT, 0600),
                      "create a file with O_DIRECT");
        Expect(adp_entry_reserve(fd.get(), kFileLen) == 0, "no space");
        mover->Begin(fd.get());
        state.ResumeTiming();
        MoveAll(mover.get(), shape);
        CheckErrno(fsync(fd.get()) == 0, "fsync");
        state.PauseTiming();
        mover->End();
        CheckWritten(path);
        state.ResumeTiming();
    }
    unlink(path.c_str());
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kFileLen));
}

void AddTransfers(const std::string &end, const MakeMover &make)
{
    AddRow("read_large" + end, [=](benchmark::State &state) { ReadLarge(state, make); })
        ->Iterations(1)
        ->UseRealTime()
        ->MeasureProcessCPUTime();
    AddRow("write" + end, [=](benchmark::State &state) { Write(state, make); })
        ->Iterations(1)
        ->UseRealTime()
        ->MeasureProcessCPUTime();
}

} // namespace

void AddLargeFileRows()
{
    AddTransfers("/uring", [](const Shape &shape) {
        return std::make_unique<QueueMover>(shape, ADP_IOQ_URING);
    });
    AddTransfers("/threads", [](const Shape &shape) {
        return std::make_unique<QueueMover>(shape, ADP_IOQ_THREADS);
    });
    AddTransfers("_limit", [](const Shape &shape) { return std::make_unique<RingMover>(shape); });
}
