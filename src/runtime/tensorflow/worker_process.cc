#include "runtime/tensorflow/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/cat.h"

extern char** environ;

namespace vigil::tensorflow {
namespace {

constexpr int kChildSocket = 3;
class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

StatusOr<WorkerProcess> WorkerProcess::Start(const std::string& program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return absl::ErrnoToStatus(errno, "socketpair");
  SpawnSetup setup;
  // dup2 onto itself would keep close-on-exec: the child's end is never descriptor 3 here, for it is moved above it.
  const int child = fcntl(ends[1], F_DUPFD_CLOEXEC, kChildSocket + 1);
  close(ends[1]);
  posix_spawn_file_actions_addopen(&setup.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&setup.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  // TensorFlow tells of every CPU feature on standard error; errors come over the socket. Whoever sets its log level wants to read it.
  if (std::getenv("TF_CPP_MIN_LOG_LEVEL") == nullptr) {
    posix_spawn_file_actions_addopen(&setup.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&setup.actions, child, kChildSocket);
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, kChildSocket + 1);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&setup.attributes, &none);
  posix_spawnattr_setsigdefault(&setup.attributes, &defaults);
  posix_spawnattr_setpgroup(&setup.attributes, 0);
  posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string name = program;
  char* arguments[] = {name.data(), nullptr};
  WorkerProcess process;
  const int error = posix_spawn(&process.pid_, program.c_str(), &setup.actions, &setup.attributes, arguments, environ);
  close(child);
  if (error != 0) {
    process.pid_ = -1;
    close(ends[0]);
    return absl::UnavailableError(Cat(program, ": cannot be started: ", std::strerror(error)));
  }
  process.socket_ = ends[0];
  fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK);
  return process;
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::exchange(other.socket_, -1)) {}

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    socket_ = std::exchange(other.socket_, -1);
  }
  return *this;
}

std::string WorkerProcess::Kill() {
  if (pid_ <= 0) return "not running";
  close(socket_);
  socket_ = -1;
  // One that has ended by itself keeps its own status: a signal to it changes nothing.
  kill(pid_, SIGKILL);
  int status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  pid_ = -1;
  if (WIFSIGNALED(status)) return Cat("signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  return Cat("exit code ", WEXITSTATUS(status));
}

}  // namespace vigil::tensorflow
