#include "demo/story.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <fstream>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "app/config.h"
#include "app/server.h"
#include "app/server_page.h"
#include "app/wiring.h"
#include "base/text.h"
#include "demo/client.h"
#include "demo/first_model.h"
#include "report/report.h"
#include "stats/metrics.h"

namespace vigil::demo {
namespace {

constexpr char kModel[] = "fraud";
constexpr int kLabelDelayDays = 7;
constexpr int64_t kControlTimeoutMs = 10 * 60 * 1000;
constexpr TimeUs kFirstDay = 1'522'540'800 * kSecondUs;  // 2018-04-01

using SteadyClock = std::chrono::steady_clock;
double SecondsSince(SteadyClock::time_point start) { return std::chrono::duration<double>(SteadyClock::now() - start).count(); }

double AveragePrecision(const std::vector<DemoRow>& rows, const std::vector<float>& scores) {
  std::vector<double> labels, values(scores.begin(), scores.end());
  for (const DemoRow& row : rows) labels.push_back(row.fraud ? 1 : 0);
  const auto metrics = stats::ComputeBinaryMetrics(labels, values, 0.5);
  return metrics.ok() ? metrics->average_precision : std::nan("");
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  int64_t n = 0;
  for (const double v : values) {
    if (std::isfinite(v)) sum += v, ++n;
  }
  return n == 0 ? std::nan("") : sum / static_cast<double>(n);
}

// How the bank has set Vigil up: retrain when performance falls, once enough of the new regime has matured; shadow, 10 %, 50 %, all.
ModelPolicy BankPolicy() {
  ModelPolicy policy;
  policy.retraining.enabled = true;
  policy.retraining.params = TreeParams();
  policy.retraining.rounds = kTrees;
  policy.retraining.triggers.alert_kinds = {"performance", "concept"};
  policy.retraining.triggers.settle_us = 7 * kDayUs;
  policy.retraining.triggers.cooldown_us = 21 * kDayUs;
  policy.retraining.dataset.rows_min = 5'000;
  policy.retraining.dataset.holdout_share = 0.1;  // the newest: the new regime must be in both parts
  policy.rollout.steps = {{0, kDayUs, 2000}, {0.1, kDayUs, 200}, {0.5, kDayUs, 1000}};
  policy.rollout.harm_margin = 0.005;
  // Requests of a thousand rows on a machine that also plays the bank: their latency says nothing of the model's.
  policy.rollout.latency_floor_us = 500'000;
  return policy;
}

class Story {
 public:
  Story(const StoryOptions& options, Narrator& narrator, std::unique_ptr<Server>* server)
      : options_(options), narrator_(narrator), server_(server) {}

  StatusOr<StoryResult> Play() {
    const auto started = SteadyClock::now();
    VIGIL_RETURN_IF_ERROR(OpenSource());
    VIGIL_RETURN_IF_ERROR(TrainFirst());
    VIGIL_RETURN_IF_ERROR(StartServer());
    VIGIL_RETURN_IF_ERROR(Live());
    result_.seconds = SecondsSince(started);
    if (!options_.report_path.empty()) VIGIL_RETURN_IF_ERROR(WriteReport());
    return result_;
  }

 private:
  int first_live_day() const { return skipped_days_ + options_.train_days + kLabelDelayDays; }

  Status OpenSource() {
    skipped_days_ = options_.data_dir.empty() ? options_.warmup_days : 0;
    const int change_day = options_.change ? first_live_day() + options_.baseline_days : -1;
    if (options_.data_dir.empty()) {
      SimulatorOptions simulator;
      simulator.seed = options_.seed;
      simulator.start = kFirstDay;
      simulator.change_day = change_day;
      source_ = SimulatedDays(simulator);
    } else {
      VIGIL_ASSIGN_OR_RETURN(source_, ParquetDays(options_.data_dir, change_day, options_.seed));
    }
    return absl::OkStatus();
  }

  // The first model sees only days whose labels were known when it was fitted; the week before going live passes unseen.
  Status TrainFirst() {
    narrator_.Chapter(options_.data_dir.empty() ? "simulating past payments" : absl::StrCat("reading ", options_.data_dir));
    std::vector<DemoRow> training;
    for (int day = 0; day < first_live_day(); ++day) {
      VIGIL_ASSIGN_OR_RETURN(const std::vector<DemoRow> rows, source_->NextDay());
      if (rows.empty())
        return absl::InvalidArgumentError(
            absl::StrCat("the data ends on day ", day, "; ", first_live_day(), " days come before the live ones"));
      const bool used = day >= skipped_days_ && day < skipped_days_ + options_.train_days;
      if (used) training.insert(training.end(), rows.begin(), rows.end());
    }
    narrator_.Chapter(absl::StrCat("training the first model on ", training.size(), " payments"));
    VIGIL_ASSIGN_OR_RETURN(first_, TrainFirstModel(training, options_.state_dir + "/first"));
    loaders_ = MakeLoaders();
    VIGIL_ASSIGN_OR_RETURN(static_model_, LoadModel(loaders_, first_.model_path, LoadOptions{}));
    static_scorer_ = static_model_->NewScorer();
    return absl::OkStatus();
  }

  Status StartServer() {
    VIGIL_ASSIGN_OR_RETURN(ServerConfig config, LoadConfig("", {},
                                                           {{"/server/clock", "event"},
                                                            {"/server/state_dir", options_.state_dir},
                                                            {"/server/http_port", absl::StrCat(options_.http_port)},
                                                            {"/server/grpc_port", "0"}}));
    ModelConfig model;
    model.name = kModel;
    model.path = first_.model_path;
    model.reference = first_.profile_path;
    model.policy = BankPolicy();
    config.models = {model};
    VIGIL_ASSIGN_OR_RETURN(*server_, Server::Start(config));
    const std::string url = absl::StrCat("http://127.0.0.1:", (*server_)->http_port());
    bank_ = std::make_unique<BankClient>(url, kModel);
    narrator_.Chapter(absl::StrCat("serving on ", url, " (the page: ", url, "/ui)"));
    return absl::OkStatus();
  }

  Status WriteReport() {
    const auto client = net::HttpClient::Create(absl::StrCat("http://127.0.0.1:", (*server_)->http_port()));
    VIGIL_ASSIGN_OR_RETURN(report::Page page, ReadServerPage(*client, kModel));
    page.title = "A fraud model's life";
    page.subtitle = absl::StrCat(result_.rows, " payments over HTTP in ", std::lround(result_.seconds), " seconds");
    const auto figure = [](double value) { return std::isfinite(value) ? absl::StrFormat("%.3f", value) : std::string("–"); };
    page.summary = {{"average precision before the change", figure(result_.before)},
                    {"between change and promotion", figure(result_.during)},
                    {"after the promotion", figure(result_.after)},
                    {"a model never retrained, then", figure(result_.static_after)},
                    {"retrainings", absl::StrCat(result_.trainings)},
                    {"alerts", absl::StrCat(result_.alerts)}};
    if (result_.changed_at) page.marks.push_back({*result_.changed_at, "the pattern changed"});
    std::ofstream file(options_.report_path, std::ios::binary | std::ios::trunc);
    file << report::RenderHtml(page);
    if (!file.flush()) return absl::UnavailableError(absl::StrCat(options_.report_path, ": cannot be written"));
    return absl::OkStatus();
  }

  Status Live() {
    std::deque<std::vector<DemoRow>> unlabelled;
    for (int day = 0; day < options_.live_days_max; ++day) {
      VIGIL_ASSIGN_OR_RETURN(std::vector<DemoRow> rows, source_->NextDay());
      if (rows.empty()) break;
      if (options_.change && day == options_.baseline_days) {
        result_.changed_at = rows.front().time / kDayUs * kDayUs;
        narrator_.Event(*result_.changed_at, "the fraud pattern changes (Vigil is not told)");
      }
      VIGIL_RETURN_IF_ERROR(PlayDay(rows));
      const TimeUs end_of_day = rows.back().time;
      unlabelled.push_back(std::move(rows));
      if (unlabelled.size() > kLabelDelayDays) {
        VIGIL_RETURN_IF_ERROR(bank_->SendLabels(unlabelled.front(), end_of_day));
        unlabelled.pop_front();
      }
      VIGIL_RETURN_IF_ERROR(bank_->WaitForControl(end_of_day, kControlTimeoutMs));
      VIGIL_RETURN_IF_ERROR(ReadTimeline());
      const double share = static_cast<double>(day + 1) / static_cast<double>(expected_days());
      narrator_.Progress(end_of_day, std::min(share, 1.0), result_.rows);
      if (days_after_promotion_ >= options_.after_days) break;
    }
    result_.before = Mean(before_);
    result_.during = Mean(during_);
    result_.after = Mean(after_);
    result_.static_after = Mean(static_after_);
    return absl::OkStatus();
  }

  int expected_days() const { return options_.baseline_days + 42 + options_.after_days; }

  Status PlayDay(const std::vector<DemoRow>& rows) {
    const auto sent = SteadyClock::now();
    VIGIL_ASSIGN_OR_RETURN(const std::vector<float> scores, bank_->Predict(rows));
    result_.serving_seconds += SecondsSince(sent);
    result_.rows += static_cast<int64_t>(rows.size());
    const double ap = AveragePrecision(rows, scores);
    if (!result_.changed_at) {
      before_.push_back(ap);
    } else if (!result_.promoted_at) {
      during_.push_back(ap);
    } else {
      after_.push_back(ap);
      ++days_after_promotion_;
      VIGIL_ASSIGN_OR_RETURN(const double unchanged, StaticPrecision(rows));
      static_after_.push_back(unchanged);
    }
    return absl::OkStatus();
  }

  StatusOr<double> StaticPrecision(const std::vector<DemoRow>& rows) {
    std::vector<float> matrix;
    for (const DemoRow& row : rows) matrix.insert(matrix.end(), row.features.begin(), row.features.end());
    ScoreCall call;
    VIGIL_RETURN_IF_ERROR(
        static_scorer_->Score(Batch::FloatMatrix(matrix.data(), rows.size(), kFeatureCount), call, &static_outputs_).status());
    return AveragePrecision(rows, static_outputs_.tensors[0].floats);
  }

  // What Vigil has written down since the last look.
  Status ReadTimeline() {
    VIGIL_ASSIGN_OR_RETURN(const Json page, bank_->Get(absl::StrCat("/api/v1/timeline?model=", kModel, "&limit=100")));
    const Json& events = page.is_object() ? page.at("events") : page;
    for (auto it = events.rbegin(); it != events.rend(); ++it) {
      const int64_t sequence = it->at("sequence");
      if (sequence <= seen_sequence_) continue;
      seen_sequence_ = sequence;
      // null: before the first payment, when the event clock had not begun
      const Json& at = it->at("time");
      const TimeUs time = at.is_string() ? ParseTime(at.get_ref<const std::string&>()).value_or(0) : 0;
      OnTimeline(*it, time);
      if (time != 0) narrator_.Event(time, it->at("summary"));
    }
    return absl::OkStatus();
  }

  // A rollout's event carries the rollout.
  static std::string PromotedVersion(const Json& event) {
    if (!event.contains("detail")) return "";
    const Json& detail = event["detail"];
    const auto parsed = detail.is_string() ? ParseJson(detail.get<std::string>(), "timeline detail") : StatusOr<Json>(detail);
    return parsed.ok() && parsed->is_object() ? parsed->value("candidate", "") : "";
  }

  void OnTimeline(const Json& event, TimeUs time) {
    const std::string kind = event.at("kind");
    if (kind == "alert.fired") {
      ++result_.alerts;
      if (result_.changed_at && !result_.drift_detected_at && time >= *result_.changed_at) result_.drift_detected_at = time;
    } else if (kind == "job.started") {
      ++result_.trainings;
    } else if (kind == "rollout.promoted") {
      if (!result_.promoted_at) result_.promoted_at = time;
      result_.promoted_versions.push_back(PromotedVersion(event));
    }
  }

  const StoryOptions& options_;
  Narrator& narrator_;
  std::unique_ptr<Server>* server_;
  int skipped_days_ = 0;
  std::unique_ptr<DaySource> source_;
  FirstModel first_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
  std::unique_ptr<LoadedModel> static_model_;
  std::unique_ptr<Scorer> static_scorer_;
  Outputs static_outputs_;
  std::unique_ptr<BankClient> bank_;
  std::vector<double> before_, during_, after_, static_after_;
  int days_after_promotion_ = 0;
  int64_t seen_sequence_ = 0;
  StoryResult result_;
};

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json TimeOrNull(const std::optional<TimeUs>& time) { return time ? Json(FormatTime(*time)) : Json(); }

}  // namespace

Json StoryResult::ToJson() const {
  return Json{{"seconds", seconds},
              {"rows", rows},
              {"rows_per_second", serving_seconds > 0 ? static_cast<double>(rows) / serving_seconds : 0},
              {"changed_at", TimeOrNull(changed_at)},
              {"drift_detected_at", TimeOrNull(drift_detected_at)},
              {"alerts", alerts},
              {"trainings", trainings},
              {"promoted_versions", promoted_versions},
              {"promoted_at", TimeOrNull(promoted_at)},
              {"average_precision",
               {{"before", NumberOrNull(before)},
                {"during", NumberOrNull(during)},
                {"after", NumberOrNull(after)},
                {"static", NumberOrNull(static_after)}}}};
}

StatusOr<StoryResult> PlayStory(const StoryOptions& options, Narrator& narrator, std::unique_ptr<Server>* server) {
  return Story(options, narrator, server).Play();
}

}  // namespace vigil::demo
