// The worker as a child process: started with a socket, ended and reaped by its owner.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace vigil::tensorflow {

class WorkerProcess {
 public:
  // Runs `program` with a socket as its descriptor 3, in a process group of its own: Ctrl-C is for Vigil, which ends it after draining.
  static StatusOr<WorkerProcess> Start(const std::string& program);
  WorkerProcess() = default;
  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&& other) noexcept;
  ~WorkerProcess() { Kill(); }

  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  int socket() const { return socket_; }  // non-blocking
  // Ends it, waits, and says how it ended ("signal 9 (Killed)", "exit code 2").
  std::string Kill();

 private:
  pid_t pid_ = -1;
  int socket_ = -1;
};

}  // namespace vigil::tensorflow
