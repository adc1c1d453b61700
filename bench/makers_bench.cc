// Our engines beside the makers' own predictors and the compilers people use, on the same models and rows, in one run on one thread.
//   makers_bench [FOLDER] [PYTHON]
// FOLDER (build/makers_bench): what bench/makers/prepare.py leaves. Thread CPU time, in turns, the minimum and the median of kTurns.
// Answers are compared before anything is measured. Ours is the whole scorer as served, not the bare engine.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/makers/peers.h"
#include "runtime/engine_bench.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::bench {
namespace {

constexpr int kTurns = 15;
constexpr int64_t kTurnNs = 3'000'000;  // at least, of each contender
constexpr size_t kBatches[] = {1, 1000};

struct Case {
  std::string model;
  double tolerance = 0;  // of margins: largest difference that is no failure
  std::function<std::vector<StatusOr<std::unique_ptr<Peer>>>(size_t outputs)> peers;
};

StatusOr<PeerRows> ReadRows(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.empty())
    return absl::NotFoundError(absl::StrCat(path, " is not there: run bench/makers/prepare.py (make peers installs what it needs)"));
  PeerRows rows;
  rows.floats.resize(bytes.size() / sizeof(float));
  std::memcpy(rows.floats.data(), bytes.data(), rows.floats.size() * sizeof(float));
  rows.doubles.assign(rows.floats.begin(), rows.floats.end());
  rows.n = rows.floats.size() / kPeerColumns;
  return rows;
}

// The model as we serve it.
class Ours {
 public:
  explicit Ours(const LoadedModel& model)
      : scorer_(model.NewScorer()), input_(model.signature().inputs[0]), doubles_(input_.dtype == DType::kFloat64) {
    call_.doubles = true;
  }
  Status Score(const PeerRows& rows, size_t from, size_t n) {
    Batch batch(n);
    const size_t at = from * kPeerColumns;
    const void* data = doubles_ ? static_cast<const void*>(rows.doubles.data() + at) : rows.floats.data() + at;
    batch.Add({input_.name, input_.dtype, {static_cast<int64_t>(n), static_cast<int64_t>(kPeerColumns)}, data});
    return scorer_->Score(batch, call_, &outputs_).status();
  }
  Status Margins(const PeerRows& rows, size_t from, size_t n, std::vector<double>* margins) {
    call_.margin = true;
    const Status status = Score(rows, from, n);
    call_.margin = false;
    if (!status.ok()) return status;
    const OwnedTensor& tensor = outputs_.tensors[1];
    margins->resize(tensor.size());
    for (size_t i = 0; i < margins->size(); ++i) (*margins)[i] = tensor.number(i);
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<Scorer> scorer_;
  const TensorSpec& input_;
  const bool doubles_;
  ScoreCall call_;
  Outputs outputs_;
};

// Nanoseconds of this thread's CPU a row, of one turn.
template <typename Score>
StatusOr<double> Turn(const PeerRows& rows, size_t batch, size_t* at, Score&& score) {
  const int64_t start = ThreadCpuNs();
  int64_t spent = 0, scored = 0;
  while (spent < kTurnNs) {
    for (size_t calls = 0; calls < 1 + 64 / batch; ++calls) {
      if (*at + batch > rows.n) *at = 0;
      VIGIL_RETURN_IF_ERROR(score(*at));
      *at += batch;
      scored += static_cast<int64_t>(batch);
    }
    spent = ThreadCpuNs() - start;
  }
  return static_cast<double>(spent) / static_cast<double>(scored);
}

struct Times {
  double least = 0, median = 0;
};
Times Summary(std::vector<double> ns) {
  std::sort(ns.begin(), ns.end());
  return {ns.front(), ns[ns.size() / 2]};
}

Status Compare(const Case& c, const PeerRows& rows, Ours* ours, size_t outputs, Peer* peer) {
  constexpr size_t kCompared = 1000;
  std::vector<double> mine, theirs(kCompared * outputs);
  VIGIL_RETURN_IF_ERROR(ours->Margins(rows, 0, kCompared, &mine));
  if (mine.size() != theirs.size()) return absl::InternalError("another number of margins than expected");
  // A call for single rows is asked for single rows.
  const size_t block = peer->Takes(kCompared) ? kCompared : 1;
  for (size_t r = 0; r < kCompared; r += block) VIGIL_RETURN_IF_ERROR(peer->Predict(rows, r, block, theirs.data() + r * outputs));
  double worst = 0;
  for (size_t i = 0; i < mine.size(); ++i) worst = std::max(worst, std::abs(mine[i] - theirs[i]));
  std::printf("  %-32s largest difference of %zu margins %.3g (tolerance %.0e)\n", peer->name().c_str(), mine.size(), worst, c.tolerance);
  if (worst <= c.tolerance) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(c.model, ": ", peer->name(), " answers otherwise"));
}

Status Measure(const PeerRows& rows, size_t batch, Ours* ours, size_t outputs, const std::vector<std::unique_ptr<Peer>>& peers) {
  std::vector<std::vector<double>> ns(peers.size() + 1);
  std::vector<double> margins(batch * outputs);
  std::vector<size_t> at(peers.size() + 1);
  for (int turn = -1; turn < kTurns; ++turn) {  // the first warms up
    for (size_t i = 0; i <= peers.size(); ++i) {
      if (i > 0 && !peers[i - 1]->Takes(batch)) continue;
      StatusOr<double> took = -1;
      if (i > 0) took = peers[i - 1]->MeasureItself(batch);
      if (took.ok() && *took < 0) {
        took = Turn(rows, batch, &at[i], [&](size_t from) {
          return i == 0 ? ours->Score(rows, from, batch) : peers[i - 1]->Predict(rows, from, batch, margins.data());
        });
      }
      VIGIL_RETURN_IF_ERROR(took.status());
      if (turn >= 0) ns[i].push_back(*took);
    }
  }
  const Times mine = Summary(ns[0]);
  std::printf("  batch %4zu  %-32s %9.0f ns a row (median %.0f)\n", batch, "Vigil", mine.least, mine.median);
  for (size_t i = 0; i < peers.size(); ++i) {
    if (ns[i + 1].empty()) continue;
    const Times theirs = Summary(ns[i + 1]);
    std::printf("              %-32s %9.0f ns a row (median %.0f): %.1f x (of medians %.1f)\n", peers[i]->name().c_str(), theirs.least,
                theirs.median, theirs.least / mine.least, theirs.median / mine.median);
  }
  return absl::OkStatus();
}

Status RunCase(const Case& c, const std::string& folder, const PeerRows& rows) {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(trees::MakeXgboostLoader());
  loaders.push_back(trees::MakeLightgbmLoader());
  loaders.push_back(trees::MakeCatboostLoader());
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> model, LoadModel(loaders, folder + "/" + c.model, {}));
  std::printf("\n%s: engine %s\n", c.model.c_str(), model->info().engine.c_str());
  const auto outputs = static_cast<size_t>(std::max<int64_t>(1, model->signature().output_width));
  Ours ours(*model);
  std::vector<std::unique_ptr<Peer>> peers;
  for (StatusOr<std::unique_ptr<Peer>>& peer : c.peers(outputs)) {
    VIGIL_RETURN_IF_ERROR(peer.status());
    VIGIL_RETURN_IF_ERROR(Compare(c, rows, &ours, outputs, peer->get()));
    peers.push_back(*std::move(peer));
  }
  for (const size_t batch : kBatches) VIGIL_RETURN_IF_ERROR(Measure(rows, batch, &ours, outputs, peers));
  std::fflush(stdout);
  return absl::OkStatus();
}

std::vector<Case> Cases(const std::string& folder, const std::string& python) {
  using Peers = std::vector<StatusOr<std::unique_ptr<Peer>>>;
  const std::string lightgbm = folder + "/lightgbm_500x31", catboost = folder + "/catboost_500x6";
  const auto xgboost = [folder](const std::string& name) {
    return [folder, name](size_t outputs) {
      Peers peers;
      peers.push_back(MakeXgboostPeer(folder + "/../lib/libxgboost.so", folder + "/" + name + ".json", outputs));
      if (name == "xgboost_500x6") peers.push_back(MakeTl2cgenPeer(folder + "/" + name + ".tl2cgen.so", false));
      return peers;
    };
  };
  std::vector<Case> cases;
  for (const std::string name : {"xgboost_500x6", "xgboost_multiclass", "xgboost_categorical", "xgboost_deep"}) {
    cases.push_back({name + ".json", 1e-4, xgboost(name)});
  }
  cases.push_back({"lightgbm_500x31.txt", 1e-9, [=](size_t) {
                     Peers peers;
                     for (const bool single_row : {true, false}) {
                       peers.push_back(MakeLightgbmPeer(folder + "/lib_lightgbm.so", lightgbm + ".txt", single_row));
                     }
                     peers.push_back(MakeTl2cgenPeer(lightgbm + ".tl2cgen.so", true));
                     peers.push_back(MakeLleavesPeer(lightgbm + ".lleaves.so", "lleaves"));
                     peers.push_back(MakeLleavesPeer(lightgbm + ".lleaves1.so", "lleaves, one block, small code"));
                     return peers;
                   }});
  cases.push_back(
      {"catboost_500x6.cbm", 1e-9, [=](size_t) {
         Peers peers;
         peers.push_back(MakeCatboostCodePeer(catboost + ".cpp.so"));
         peers.push_back(MakeCatboostProcess({python, "bench/makers/catboost_predict.py", catboost + ".cbm", folder + "/rows.f32"}));
         return peers;
       }});
  return cases;
}

Status Run(const std::string& folder, const std::string& python) {
  VIGIL_ASSIGN_OR_RETURN(const PeerRows rows, ReadRows(folder + "/rows.f32"));
  std::printf("instruction set %s; thread CPU time, least of %d turns in which all contenders follow one another\n",
              trees::RankKernelTarget().c_str(), kTurns);
  for (const Case& c : Cases(folder, python)) VIGIL_RETURN_IF_ERROR(RunCase(c, folder, rows));
  return absl::OkStatus();
}

}  // namespace
}  // namespace vigil::bench

int main(int argc, char** argv) {
  const vigil::Status status = vigil::bench::Run(argc > 1 ? argv[1] : "build/makers_bench", argc > 2 ? argv[2] : "python3");
  if (!status.ok()) std::fprintf(stderr, "makers_bench: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
