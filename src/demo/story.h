// The whole life of a fraud model, played on event time: a first model is trained and served, labels come a week late, the world
// changes, Vigil notices, retrains, proves the new model better and puts it in charge. Everything goes over HTTP on loopback to a server
// in this process, as a bank's would.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "demo/days.h"

namespace vigil {
class Server;
}

namespace vigil::demo {

struct StoryOptions {
  std::string state_dir;  // the server's
  std::string data_dir;   // Parquet files; empty: the simulator
  bool change = true;     // the pattern changes
  int http_port = 0;
  uint64_t seed = 7;
  int warmup_days = 30;     // simulated: windows fill, nothing is used
  int train_days = 35;      // the first model's rows
  int baseline_days = 21;   // live before the change
  int after_days = 30;      // live after the promotion
  std::string report_path;  // HTML with plots; empty: none
  int live_days_max = 110;
};

// Average precision is of a day's transactions, averaged over days.
struct StoryResult {
  double seconds = 0;          // real time of the whole
  int64_t rows = 0;            // sent over HTTP
  double serving_seconds = 0;  // real time of the requests
  std::optional<TimeUs> changed_at;
  std::optional<TimeUs> drift_detected_at;  // first alert after the change
  int64_t alerts = 0;
  int64_t trainings = 0;
  std::vector<std::string> promoted_versions;
  std::optional<TimeUs> promoted_at;
  double before = 0, during = 0, after = 0, static_after = 0;
  Json ToJson() const;  // the contract's object
};

// Told what happens, for people.
class Narrator {
 public:
  virtual ~Narrator() = default;
  virtual void Chapter(const std::string& text) = 0;
  virtual void Event(TimeUs time, const std::string& text) = 0;
  virtual void Progress(TimeUs time, double share, int64_t rows) = 0;
};

// `server` is left running, so that its page can be looked at.
StatusOr<StoryResult> PlayStory(const StoryOptions& options, Narrator& narrator, std::unique_ptr<Server>* server);

}  // namespace vigil::demo
