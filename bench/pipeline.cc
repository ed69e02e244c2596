// Each stage of the pipeline alone, beside its limit: rows STAGE/... and STAGE_limit/... .
// Files are made in a temporary folder in $ADP_BENCH_DIR, $TMPDIR or /tmp, about 1 GiB of them.
#include "pipeline.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <system_error>

namespace
{

std::string g_folder;
bool g_has_failed;

int RunRows(int argc, char **argv)
{
    AddMemoryRows();
    AddSmallFileRows();
    AddLargeFileRows();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    benchmark::RunSpecifiedBenchmarks();
    return g_has_failed ? 1 : 0;
}

bool MakeFolder()
{
    const char *base = std::getenv("ADP_BENCH_DIR");

    if (base == nullptr)
        base = std::getenv("TMPDIR");
    g_folder = std::string(base != nullptr ? base : "/tmp") + "/adp-pipeline.XXXXXX";
    if (mkdtemp(g_folder.data()) != nullptr)
        return true;
    std::fprintf(stderr, "pipeline: cannot make a folder like %s: %s\n", g_folder.c_str(),
                 std::strerror(errno));
    return false;
}

// Passes on |signals|, all of them blocked, until |child| has ended. Returns its exit status.
int WaitFor(pid_t child, const sigset_t *signals)
{
    int number, status;

    for (;;) {
        if (sigwait(signals, &number) != 0)
            continue;
        if (number != SIGCHLD)
            kill(child, number);
        else if (waitpid(child, &status, WNOHANG) == child)
            break;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    std::fprintf(stderr, "pipeline: ended by signal %d\n", WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

} // namespace

benchmark::internal::Benchmark *AddRow(const std::string &name,
                                       std::function<void(benchmark::State &)> row)
{
    return benchmark::RegisterBenchmark(name.c_str(), [row](benchmark::State &state) {
        try {
            row(state);
        } catch (const std::exception &error) {
            g_has_failed = true;
            state.SkipWithError(error.what());
        }
    });
}

void CheckErrno(bool ok, const char *what)
{
    if (!ok)
        throw std::system_error(errno, std::generic_category(), what);
}

void Expect(bool ok, const char *what)
{
    if (!ok)
        throw std::runtime_error(what);
}

const std::string &Folder()
{
    return g_folder;
}

bool DropCaches()
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
    bool has_dropped = fd >= 0 && write(fd, "3", 1) == 1;

    if (fd >= 0)
        close(fd);
    return has_dropped;
}

void FillRandom(uint8_t *out, size_t len, uint64_t seed)
{
    std::mt19937_64 random(seed);

    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t word = random();
        std::memcpy(out + i, &word, sizeof(word));
    }
}

Descriptor::Descriptor(int fd, const char *what) : fd_(fd)
{
    CheckErrno(fd >= 0, what);
}

Descriptor::Descriptor(Descriptor &&other) noexcept : fd_(other.fd_)
{
    other.fd_ = -1;
}

Descriptor::~Descriptor()
{
    if (fd_ >= 0)
        close(fd_);
}

// The rows run in a child, so that the folder goes whatever becomes of them.
int main(int argc, char **argv)
{
    std::error_code error;
    sigset_t signals, before;
    int status = 1;
    pid_t child;

    sigemptyset(&signals);
    for (int number : {SIGCHLD, SIGHUP, SIGINT, SIGTERM})
        sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, &before);
    if (!MakeFolder())
        return 1;
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_SETMASK, &before, nullptr);
        return RunRows(argc, argv);
    }
    if (child > 0)
        status = WaitFor(child, &signals);
    else
        std::fprintf(stderr, "pipeline: cannot fork: %s\n", std::strerror(errno));
    std::filesystem::remove_all(g_folder, error);
    if (error) {
        std::fprintf(stderr, "pipeline: cannot remove %s: %s\n", g_folder.c_str(),
                     error.message().c_str());
        status = 1;
    }
    return status;
}
