// A trainer as a child process group. The parent polls: no thread waits for it, and no signal handler is needed.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/json_fields.h"
#include "retraining/retraining.h"
#include "storage/whole_file.h"

extern char** environ;

namespace vigil {
namespace {

constexpr int64_t kManifestBytesMax = 16 << 20;
constexpr int64_t kArtefactBytesMax = int64_t{4} << 30;
constexpr int64_t kTermGraceMs = 2'000;  // between SIGTERM at the deadline and SIGKILL
constexpr int64_t kLogTailBytes = 4096;
constexpr int kTrainerNiceness = 10;  // serving goes first

const Clock& SystemClockOf() {
  static const SystemClock& clock = *new SystemClock;
  return clock;
}

// The last line of the trainer's output, for the error message.
std::string LastLine(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  char buffer[kLogTailBytes];
  const off_t size = lseek(fd, 0, SEEK_END);
  const ssize_t n = pread(fd, buffer, sizeof(buffer), size > kLogTailBytes ? size - kLogTailBytes : 0);
  close(fd);
  std::string text(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (const size_t line = text.rfind('\n'); line != std::string::npos) text = text.substr(line + 1);
  return text.empty() ? "" : absl::StrCat(": ", text.substr(0, 400));
}

// A path named in a manifest, inside `directory` and existing; empty stays empty.
StatusOr<std::string> Inside(const std::string& directory, const std::string& name, const char* what) {
  std::error_code error;
  const auto root = std::filesystem::weakly_canonical(directory, error);
  const auto path = std::filesystem::weakly_canonical(root / name, error);
  const auto relative = path.lexically_relative(root);
  if (error || relative.empty() || *relative.begin() == "..") {
    return absl::DataLossError(absl::StrCat("result.json: ", what, " \"", name, "\" lies outside the job's directory"));
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::DataLossError(absl::StrCat("result.json: ", what, " \"", name, "\" does not exist"));
  }
  return path.string();
}

}  // namespace

StatusOr<TrainerResult> ReadTrainerResult(const std::string& directory, const std::string& job_id, int64_t token) {
  const auto as_data_loss = [](const Status& status) { return absl::DataLossError(status.message()); };
  const auto text = ReadWholeFile(directory + "/result.json", kManifestBytesMax);
  if (!text.ok()) return absl::DataLossError(absl::StrCat("the trainer left no usable result.json: ", text.status().message()));
  auto manifest = ParseJson(*text, "result.json");
  if (!manifest.ok()) return as_data_loss(manifest.status());
  if (!manifest->is_object()) return absl::DataLossError("result.json: expected an object");
  TrainerResult result;
  std::string status, id, artefact, profile;
  int64_t its_token = token;
  JsonFields fields(*manifest, "result.json");  // further keys are the trainer's own
  fields.Read("status", &status);
  fields.Read("job_id", &id);
  fields.Read("token", &its_token);
  fields.Read("artefact", &artefact);
  fields.Read("digest", &result.digest);
  fields.Read("reference_profile", &profile);
  if (const Json* metrics = fields.Find("metrics"); metrics != nullptr) result.metrics = *metrics;
  if (status != "done") fields.Set(absl::StrCat("result.json.status: \"", status, "\" instead of \"done\""));
  if (!job_id.empty() && id != job_id) fields.Set(absl::StrCat("result.json.job_id: \"", id, "\", this job is \"", job_id, "\""));
  if (token != 0 && its_token != token) fields.Set(absl::StrCat("result.json.token: ", its_token, ", this attempt is ", token));
  if (artefact.empty()) fields.Set("result.json.artefact: the model's file is not named");
  if (!result.metrics.is_object() && !result.metrics.is_null()) fields.Set("result.json.metrics: expected an object");
  if (const Status wrong = fields.error(); !wrong.ok()) return as_data_loss(wrong);
  VIGIL_ASSIGN_OR_RETURN(result.artefact, Inside(directory, artefact, "artefact"));
  if (!profile.empty()) {
    VIGIL_ASSIGN_OR_RETURN(result.reference_profile, Inside(directory, profile, "reference_profile"));
  }
  const auto bytes = ReadWholeFile(result.artefact, kArtefactBytesMax);
  if (!bytes.ok()) return as_data_loss(bytes.status());
  const std::string digest = Sha256Hex(*bytes);
  if (!result.digest.empty() && result.digest != digest) {
    return absl::DataLossError(absl::StrCat("result.json: digest ", result.digest, ", but ", artefact, " has ", digest));
  }
  result.digest = digest;
  result.manifest = std::move(*manifest);
  return result;
}

struct JobRunner::State {
  std::vector<std::string> command;
  const Clock* clock;
  std::string directory, job_id;
  int64_t token = 0;
  pid_t pid = -1;
  int64_t deadline_ns = 0;
  bool terminated = false;  // SIGTERM was sent at the deadline
  bool cancelled = false;

  void KillGroup(int signal) const {
    if (pid > 0) kill(-pid, signal);
  }
  std::optional<StatusOr<TrainerResult>> Ended(int wait_status);
};

JobRunner::JobRunner(std::vector<std::string> command, const Clock* clock) : state_(std::make_unique<State>()) {
  state_->command = std::move(command);
  state_->clock = clock != nullptr ? clock : &SystemClockOf();
}

JobRunner::~JobRunner() {
  if (state_->pid <= 0) return;
  state_->KillGroup(SIGKILL);
  while (waitpid(state_->pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool JobRunner::running() const { return state_->pid > 0; }

Status JobRunner::Start(const Json& job, const std::string& directory, int64_t deadline_ms) {
  State& s = *state_;
  if (s.pid > 0) return absl::FailedPreconditionError(absl::StrCat("job ", s.job_id, " is still running"));
  if (s.command.empty()) return absl::InvalidArgumentError("no trainer command is configured");
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  s.directory = std::filesystem::absolute(directory).string();
  s.job_id = job.value("id", "");
  s.token = job.value("token", int64_t{0});
  std::filesystem::remove(s.directory + "/result.json", error);  // an earlier attempt's answer is not this one's
  const std::string job_path = s.directory + "/job.json";
  VIGIL_RETURN_IF_ERROR(WriteFileAtomically(job_path, DumpJson(job, 1)));

  std::vector<std::string> environment{"VIGIL_JOB=" + job_path};
  // Idle training threads sleep rather than spin: the cores belong to serving.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) environment.emplace_back("OMP_WAIT_POLICY=passive");
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "VIGIL_JOB=", 10) != 0) environment.emplace_back(*entry);
  }
  std::vector<char*> arguments, variables;
  for (std::string& word : s.command) arguments.push_back(word.data());
  for (std::string& variable : environment) variables.push_back(variable.data());
  arguments.push_back(nullptr);
  variables.push_back(nullptr);

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  const std::string log = s.directory + "/trainer.log";
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // no socket or log segment of the server's
  posix_spawn_file_actions_addchdir_np(&actions, s.directory.c_str());
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return absl::FailedPreconditionError(absl::StrCat("trainer \"", s.command[0], "\": ", std::strerror(failed)));
  setpriority(PRIO_PROCESS, static_cast<id_t>(pid), kTrainerNiceness);
  s.pid = pid;
  s.terminated = s.cancelled = false;
  s.deadline_ns = s.clock->MonotonicNs() + deadline_ms * 1'000'000;
  return absl::OkStatus();
}

void JobRunner::Cancel() {
  state_->cancelled = state_->pid > 0;
  state_->KillGroup(SIGKILL);
}

std::optional<StatusOr<TrainerResult>> JobRunner::Poll() {
  State& s = *state_;
  if (s.pid <= 0) return std::nullopt;
  int wait_status = 0;
  const pid_t ended = waitpid(s.pid, &wait_status, WNOHANG);
  if (ended == 0) {
    const int64_t now = s.clock->MonotonicNs();
    if (now >= s.deadline_ns + kTermGraceMs * 1'000'000) {
      s.KillGroup(SIGKILL);
    } else if (now >= s.deadline_ns && !s.terminated) {
      s.KillGroup(SIGTERM);
    }
    s.terminated = s.terminated || now >= s.deadline_ns;
    return std::nullopt;
  }
  s.KillGroup(SIGKILL);  // what its leader left behind
  s.pid = -1;
  if (ended < 0) return StatusOr<TrainerResult>(absl::AbortedError(absl::StrCat("the trainer was lost: ", std::strerror(errno))));
  return s.Ended(wait_status);
}

std::optional<StatusOr<TrainerResult>> JobRunner::State::Ended(int wait_status) {
  const std::string tail = LastLine(directory + "/trainer.log");
  if (cancelled) return StatusOr<TrainerResult>(absl::CancelledError("the job was cancelled"));
  if (terminated) return StatusOr<TrainerResult>(absl::AbortedError(absl::StrCat("the trainer passed its deadline and was killed", tail)));
  if (WIFSIGNALED(wait_status)) {
    return StatusOr<TrainerResult>(absl::AbortedError(absl::StrCat("the trainer was killed by signal ", WTERMSIG(wait_status), tail)));
  }
  switch (const int code = WEXITSTATUS(wait_status); code) {
    case kTrainerDone: return ReadTrainerResult(directory, job_id, token);
    case kTrainerNotReady: return StatusOr<TrainerResult>(absl::UnavailableError(absl::StrCat("data not ready", tail)));
    case kTrainerPermanent:
      return StatusOr<TrainerResult>(absl::FailedPreconditionError(absl::StrCat("the trainer cannot do this job", tail)));
    default: return StatusOr<TrainerResult>(absl::AbortedError(absl::StrCat("the trainer failed with exit code ", code, tail)));
  }
}

}  // namespace vigil
