#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "app/server.h"
#include "base/text.h"
#include "cli/cli.h"
#include "demo/story.h"
#include "storage/abandoned.h"
#include "telemetry/log.h"

namespace vigil::cli {
namespace {

struct Flags {
  demo::StoryOptions story;
  bool keep = false, json = false, no_change = false;
};

// On a terminal a line that is overwritten; elsewhere only what happens, a line an event.
class ConsoleNarrator final : public demo::Narrator {
 public:
  explicit ConsoleNarrator(std::FILE* out) : out_(out), terminal_(IsTerminal()) {}
  ~ConsoleNarrator() override { ClearProgress(); }

  void Chapter(const std::string& text) override {
    ClearProgress();
    std::fprintf(out_, "── %s\n", text.c_str());
    std::fflush(out_);
  }
  void Event(TimeUs time, const std::string& text) override {
    ClearProgress();
    std::fprintf(out_, "   %s  %s\n", FormatTime(time).substr(0, 10).c_str(), text.c_str());
    std::fflush(out_);
  }
  void Progress(TimeUs time, double share, int64_t rows) override {
    if (!terminal_) return;
    std::string bar;
    for (int i = 0; i < kBarWidth; ++i) bar += i < share * kBarWidth ? "█" : "░";
    std::fprintf(out_, "\r   %s %s %lld payments", bar.c_str(), FormatTime(time).substr(0, 10).c_str(), static_cast<long long>(rows));
    std::fflush(out_);
    dirty_ = true;
  }

 private:
  static constexpr int kBarWidth = 30;
  void ClearProgress() {
    if (dirty_) std::fprintf(out_, "\r\033[K");
    dirty_ = false;
  }
  std::FILE* out_;
  const bool terminal_;
  bool dirty_ = false;
};

void PrintSummary(const demo::StoryResult& r, const std::string& report_path) {
  const auto line = [](const char* name, const std::string& value) { std::printf("  %-34s %s\n", name, value.c_str()); };
  const auto day = [](const std::optional<TimeUs>& time) { return time ? FormatTime(*time) : std::string("never"); };
  std::printf("\n");
  line("payments served over HTTP",
       absl::StrFormat("%d (%.0f a second)", r.rows, r.serving_seconds > 0 ? static_cast<double>(r.rows) / r.serving_seconds : 0.0));
  line("the pattern changed", day(r.changed_at));
  line("first alert after it", day(r.drift_detected_at));
  line("new version in charge", day(r.promoted_at));
  line("alerts, retrainings", absl::StrCat(r.alerts, ", ", r.trainings));
  line("average precision before the change", absl::StrFormat("%.3f", r.before));
  line("  between change and promotion", absl::StrFormat("%.3f", r.during));
  line("  after the promotion", absl::StrFormat("%.3f", r.after));
  line("  a model never retrained, then", absl::StrFormat("%.3f", r.static_after));
  line("seconds", absl::StrFormat("%.1f", r.seconds));
  if (!report_path.empty()) line("report with plots", report_path);
}

int Demo(Flags flags) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  if (flags.keep) pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const bool own_state = flags.story.state_dir.empty();
  if (own_state) {
    RemoveAbandonedTemporaries();
    const StatusOr<std::string> folder = MakeTemporaryFolder("demo");
    if (!folder.ok()) return Fail(folder.status(), kFailed);
    flags.story.state_dir = *folder;
  }
  flags.story.change = !flags.no_change;
  LogOptions log;
  log.level = LogLevel::kError;  // the story is told below
  if (const Status quiet = StartLog(log); !quiet.ok()) return Fail(quiet, kFailed);

  StatusOr<demo::StoryResult> result;
  std::unique_ptr<Server> server;
  {
    ConsoleNarrator narrator(flags.json ? stderr : stdout);
    result = demo::PlayStory(flags.story, narrator, &server);
  }
  int code = kDone;
  if (!result.ok()) {
    code = Fail(result.status(), kFailed);
  } else if (flags.json) {
    PrintJson(result->ToJson());
  } else {
    PrintSummary(*result, flags.story.report_path);
  }
  if (server != nullptr) {
    if (flags.keep && result.ok()) {
      std::fprintf(stderr, "\n  the page stays open: http://127.0.0.1:%d/ui   (Ctrl-C ends)\n", server->http_port());
      int signal = 0;
      sigwait(&signals, &signal);
    }
    server->Stop();
    server.reset();
  }
  std::error_code ignored;
  if (own_state) std::filesystem::remove_all(flags.story.state_dir, ignored);
  return code;
}

}  // namespace

void AddDemo(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      NewVerb(app, "demo",
              "The whole life of a fraud model in minutes: baseline, drift, alert, retraining, gate, shadow, canary, promotion, recovery.",
              "vigil demo --keep");
  verb->add_option("--data", flags->story.data_dir, "play it on Parquet files of transactions instead of the simulator");
  verb->add_flag("--no-change", flags->no_change, "leave the stream as it is: no change of pattern is planted");
  verb->add_flag("--keep", flags->keep, "leave the server and its page open at the end");
  verb->add_flag("--json", flags->json, "end with one line of JSON");
  verb->add_option("--http-port", flags->story.http_port, "0: a free one")->check(CLI::Range(0, 65535));
  flags->story.report_path = "vigil-demo-report.html";
  verb->add_option("--report", flags->story.report_path, "the HTML report; empty: none");
  verb->add_option("--state-dir", flags->story.state_dir, "keep the state there; default: a temporary directory");
  verb->add_option("--seed", flags->story.seed, "of the simulator");
  verb->callback([run, flags] { *run = [flags] { return Demo(*flags); }; });
}

}  // namespace vigil::cli
