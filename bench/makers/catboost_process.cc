#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "bench/makers/peers.h"

namespace vigil::bench {
namespace {

// Lines over pipes: "margins FROM N" is answered by N lines, "measure BATCH" by one.
class CatboostProcess final : public Peer {
 public:
  CatboostProcess(pid_t child, FILE* to, FILE* from) : child_(child), to_(to), from_(from) {}
  ~CatboostProcess() override {
    std::fclose(to_);
    std::fclose(from_);
    waitpid(child_, nullptr, 0);
  }
  std::string name() const override { return "CatBoost predictor (Python)"; }
  Status Predict(const PeerRows&, size_t from, size_t n, double* margins) override {
    std::fprintf(to_, "margins %zu %zu\n", from, n);
    std::fflush(to_);
    for (size_t i = 0; i < n; ++i) {
      VIGIL_ASSIGN_OR_RETURN(margins[i], Number());
    }
    return absl::OkStatus();
  }
  StatusOr<double> MeasureItself(size_t batch) override {
    std::fprintf(to_, "measure %zu\n", batch);
    std::fflush(to_);
    return Number();
  }

 private:
  StatusOr<double> Number() {
    double value = 0;
    if (std::fscanf(from_, "%lf", &value) == 1) return value;
    return absl::InternalError("the process that runs CatBoost ended");
  }

  const pid_t child_;
  FILE* const to_;
  FILE* const from_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> MakeCatboostProcess(const std::vector<std::string>& command) {
  int to[2], from[2];
  if (pipe(to) != 0 || pipe(from) != 0) return absl::UnavailableError("no pipes");
  signal(SIGPIPE, SIG_IGN);
  const pid_t child = fork();
  if (child < 0) return absl::UnavailableError("no process");
  if (child == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    for (const int fd : {to[0], to[1], from[0], from[1]}) close(fd);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  return std::make_unique<CatboostProcess>(child, fdopen(to[1], "w"), fdopen(from[0], "r"));
}

}  // namespace vigil::bench
