// A tree of small files: rows walk/FILES and read_small/THREADS.
extern "C" {
#include "entry.h"
#include "fs.h"
#include "pool.h"
#include "walk.h"
}

#include "pipeline.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <thread>
#include <vector>

namespace
{

constexpr unsigned kNumFolders = 20;
constexpr unsigned kFilesPerFolder = 1000;
constexpr unsigned kNumFiles = kNumFolders * kFilesPerFolder;
constexpr size_t kMinLen = 4096; /* up to twice that, 6 KiB on average */
constexpr size_t kMaxLen = 2 * kMinLen;
constexpr unsigned kBareThreads = 16;

// As engine/seal has its readers work: how many files in a row, and how many of them open.
constexpr size_t kReadingFiles = 64;
constexpr size_t kLookAhead = 32;
constexpr int kOpenFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME;

struct File {
    int folder; /* opened */
    char name[16];
    size_t len;
};

class Tree
{
  public:
    Tree() : path(Folder() + "/tree")
    {
        CheckErrno(mkdir(path.c_str(), 0700) == 0, "mkdir");
        for (unsigned i = 0; i < kNumFolders; i++)
            MakeFolder(path + "/folder" + std::to_string(100 + i));
        /* What is dirty stays in the cache. */
        CheckErrno(syncfs(folders_.front().get()) == 0, "syncfs");
    }

    const std::string path;
    std::vector<File> files; /* in the order of a walk */
    size_t num_bytes = 0;

  private:
    void MakeFolder(const std::string &folder)
    {
        std::vector<uint8_t> data(kMaxLen);

        CheckErrno(mkdir(folder.c_str(), 0700) == 0, "mkdir");
        folders_.emplace_back(open(folder.c_str(), O_RDONLY | O_DIRECTORY), "open");
        FillRandom(data.data(), data.size(), folders_.size());
        for (unsigned i = 0; i < kFilesPerFolder; i++) {
            File file = {folders_.back().get(), "", kMinLen + i * 2654435761u % kMinLen};
            std::snprintf(file.name, sizeof(file.name), "file%u.jpg", 1000 + i % 1000);
            Descriptor fd(openat(file.folder, file.name, O_WRONLY | O_CREAT | O_EXCL, 0600),
                          "create a file");
            CheckErrno(write(fd.get(), data.data(), file.len) == static_cast<ssize_t>(file.len),
                       "write");
            files.push_back(file);
            num_bytes += file.len;
        }
    }
    std::vector<Descriptor> folders_;
};

const Tree &TheTree()
{
    static const Tree tree;
    return tree;
}

// --- Walking

int CountFile(void *user, const adp_walk_entry *entry)
{
    size_t *num = static_cast<size_t *>(user);

    if (entry->event == ADP_WALK_ERROR)
        return -entry->error;
    *num += entry->event == ADP_WALK_ENTRY && S_ISREG(entry->st->st_mode);
    return ADP_WALK_CONTINUE;
}

void WalkOnce(const Tree &tree)
{
    size_t num = 0;

    Expect(adp_walk(tree.path.c_str(), "tree", 0, CountFile, &num) == 0 && num == kNumFiles,
           "the walk does not find all files");
}

void StatAll(const Tree &tree)
{
    struct stat st;

    for (const File &file : tree.files)
        CheckErrno(fstatat(file.folder, file.name, &st, AT_SYMLINK_NOFOLLOW) == 0, "stat");
}

void Walk(benchmark::State &state, void (*once)(const Tree &))
{
    const Tree &tree = TheTree();

    once(tree); /* other rows leave it cold */
    for (auto _ : state)
        once(tree);
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kNumFiles));
}

// --- Reading

void MakeCold(benchmark::State &state, const Tree &tree)
{
    if (DropCaches())
        return;
    state.SetLabel("inodes are warm: not root");
    for (const File &file : tree.files) {
        Descriptor fd(openat(file.folder, file.name, O_RDONLY), "open");
        (void)posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
}

// What the threads of a reading share: the sum that must come out, or what went wrong first.
struct Outcome {
    std::atomic<size_t> num_bytes{0};
    std::atomic<int> error{0};

    void Add(int64_t len)
    {
        if (len < 0)
            error = static_cast<int>(-len);
        else
            num_bytes += static_cast<size_t>(len);
    }
    void Check(const Tree &tree) const
    {
        errno = error;
        CheckErrno(error == 0, "reading");
        Expect(num_bytes == tree.num_bytes, "not all bytes were read");
    }
};

// A reader's task, as the pool wants it.
struct Reading {
    adp_task task;
    const File *files;
    size_t num;
    Outcome *outcome;
};

int OpenAhead(const File &file)
{
    int fd = adp_fs_open_beneath(file.folder, file.name, kOpenFlags, 0);
    struct stat st;
    int rc = fd >= 0 ? adp_entry_stat(fd, nullptr, &st) : 0;

    if (rc < 0) {
        adp_fs_close(fd);
        return rc;
    }
    if (fd >= 0)
        adp_entry_read_ahead(fd);
    return fd;
}

void ReadSome(adp_task *task, unsigned)
{
    const Reading *reading = reinterpret_cast<const Reading *>(task);
    int fds[kReadingFiles];
    uint8_t data[kMaxLen];
    size_t next = 0, num_bytes = 0;
    auto read_next = [&] {
        int fd = fds[next];
        int64_t len = fd < 0 ? fd : adp_fs_read_all(fd, data, reading->files[next].len, 0);

        adp_fs_close(fd);
        if (len < 0)
            reading->outcome->Add(len);
        else
            num_bytes += static_cast<size_t>(len);
        next++;
    };

    for (size_t i = 0; i < reading->num; i++) {
        fds[i] = OpenAhead(reading->files[i]);
        if (i - next >= kLookAhead)
            read_next();
    }
    while (next < reading->num)
        read_next();
    reading->outcome->Add(static_cast<int64_t>(num_bytes));
}

void ReadByPool(const Tree &tree, unsigned num_threads)
{
    std::vector<Reading> readings;
    adp_pool *pool = nullptr;
    Outcome outcome;

    for (size_t i = 0; i < kNumFiles; i += kReadingFiles)
        readings.push_back({{ReadSome, nullptr},
                            &tree.files[i],
                            std::min(kReadingFiles, kNumFiles - i),
                            &outcome});
    Expect(adp_pool_new(&pool, num_threads) == 0, "cannot start threads");
    for (Reading &reading : readings)
        adp_pool_submit(pool, &reading.task);
    adp_pool_free(pool);
    outcome.Check(tree);
}

int64_t ReadBare(const File &file, uint8_t *out)
{
    int fd = openat(file.folder, file.name, O_RDONLY | O_NOATIME | O_CLOEXEC);
    struct stat st;
    int64_t len;

    if (fd < 0)
        return -errno;
    len = fstat(fd, &st) == 0 ? read(fd, out, kMaxLen) : -1;
    if (len < 0)
        len = -errno;
    close(fd);
    return len;
}

void ReadByThreads(const Tree &tree, unsigned num_threads)
{
    std::vector<std::thread> threads;
    std::atomic<size_t> next{0};
    Outcome outcome;

    for (unsigned i = 0; i < num_threads; i++)
        threads.emplace_back([&] {
            uint8_t data[kMaxLen];
            size_t file;

            while ((file = next++) < kNumFiles)
                outcome.Add(ReadBare(tree.files[file], data));
        });
    for (std::thread &thread : threads)
        thread.join();
    outcome.Check(tree);
}

void AddReading(const std::string &name, void (*read_all)(const Tree &, unsigned),
                unsigned num_threads)
{
    auto row = [=](benchmark::State &state) {
        const Tree &tree = TheTree();

        for (auto _ : state) {
            state.PauseTiming();
            MakeCold(state, tree);
            state.ResumeTiming();
            read_all(tree, num_threads);
        }
        state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kNumFiles));
        state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * tree.num_bytes));
    };

    AddRow(name + "/" + std::to_string(num_threads), row)
        ->Iterations(1)
        ->UseRealTime()
        ->MeasureProcessCPUTime();
}

} // namespace

void AddSmallFileRows()
{
    using benchmark::State;
    std::string end = "/" + std::to_string(kNumFiles);

    AddRow("walk" + end, [](State &state) { Walk(state, WalkOnce); })
        ->UseRealTime()
        ->MeasureProcessCPUTime(); /* it has threads of its own */
    AddRow("walk_limit" + end, [](State &state) { Walk(state, StatAll); })
        ->UseRealTime()
        ->MeasureProcessCPUTime();
    for (unsigned num_threads : {1u, 4u, 8u})
        AddReading("read_small", ReadByPool, num_threads);
    AddReading("read_small_limit", ReadByThreads, kBareThreads);
}
