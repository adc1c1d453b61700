// models, promote, rollback, rollout, retrain, alerts, timeline: each asks the running server and prints what it answers.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/moment.h"
#include "cli/remote.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::string url, model, version, action, id, candidate, reason, at, role = "champion";
  int64_t epoch = -1, limit = 50;
  double share = -1;
  bool json = false, ab = false;
};

std::string ModelPath(const Flags& flags) { return absl::StrCat("/api/v1/models/", UrlEncode(flags.model)); }

int Finish(const StatusOr<Json>& answer, const Flags& flags, const std::function<void(const Json&)>& print) {
  if (!answer.ok()) return Fail(answer.status(), absl::IsAborted(answer.status()) ? kRefusedByGate : kFailed);
  if (flags.json) {
    PrintJson(*answer);
  } else {
    print(*answer);
  }
  return kDone;
}

std::string Text(const Json& value, const char* key) {
  if (!value.is_object() || !value.contains(key) || value[key].is_null()) return "";
  return value[key].is_string() ? value[key].get<std::string>() : value[key].dump();
}

const Json& Items(const Json& answer, const char* key) { return answer.is_object() && answer.contains(key) ? answer[key] : answer; }

// "champion 1 (epoch 3), challenger 2 (epoch 5)"; nothing for a role that nobody has.
std::string RolesText(const Json& model) {
  std::string text;
  for (const char* role : {"champion", "challenger", "shadow"}) {
    const Json& roles = Items(model, "roles");
    if (!roles.contains(role) || Text(roles[role], "version").empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", role, " ", Text(roles[role], "version"), " (epoch ", Text(roles[role], "epoch"), ")");
  }
  return text;
}

int Models(const Flags& flags) {
  Remote remote(flags.url);
  return Finish(remote.Get(flags.model.empty() ? "/api/v1/models" : ModelPath(flags) + "/versions"), flags, [&](const Json& answer) {
    for (const Json& item : Items(answer, flags.model.empty() ? "models" : "versions")) {
      if (flags.model.empty()) {
        std::cout << Text(item, "name") << "  " << (item.value("ready", false) ? "ready" : "not ready") << "  " << RolesText(item) << "  "
                  << (item.value("loaded", false) ? absl::StrCat(item.value("memory_bytes", int64_t{0}) / 1024, " KiB") : "not in memory")
                  << "\n";
      } else {
        std::cout << Text(item, "version") << "  " << Text(item, "state") << "  " << Text(item, "created") << "  by "
                  << Text(item, "created_by") << "\n";
      }
    }
  });
}

int Promote(const Flags& flags) {
  Json body{{"version", flags.version}, {"reason", flags.reason}};
  if (flags.epoch >= 0) body["expected_epoch"] = flags.epoch;
  return Finish(Remote(flags.url).Send("PUT", absl::StrCat(ModelPath(flags), "/roles/", flags.role), DumpJson(body)), flags,
                [&](const Json& answer) {
                  std::cout << flags.role << " of " << flags.model << " is version " << Text(answer, "version") << " (epoch "
                            << Text(answer, "epoch") << ")\n";
                });
}

int Rollback(const Flags& flags) {
  return Finish(Remote(flags.url).Send("POST", ModelPath(flags) + "/rollback", DumpJson(Json{{"reason", flags.reason}})), flags,
                [&](const Json& answer) {
                  std::cout << "champion of " << flags.model << " is version " << Text(answer, "version") << " again (epoch "
                            << Text(answer, "epoch") << ")\n";
                });
}

int Rollout(const Flags& flags) {
  Remote remote(flags.url);
  const std::string base = ModelPath(flags) + "/rollouts";
  const auto print_one = [](const Json& r) {
    std::cout << Text(r, "id") << "  version " << Text(r, "candidate") << " against " << Text(r, "champion") << "  " << Text(r, "state")
              << "  " << Text(r, "reason") << "\n";
  };
  if (flags.action == "list") {
    return Finish(remote.Get(base), flags, [&](const Json& answer) {
      for (const Json& r : Items(answer, "rollouts")) print_one(r);
    });
  }
  if (flags.action == "start") {
    Json body{{"candidate", flags.candidate}};
    if (flags.ab) body["ab_test"] = true;
    if (flags.share >= 0) body["steps"] = Json::array({Json{{"share", flags.share}}});
    return Finish(remote.Send("POST", base, DumpJson(body)), flags, print_one);
  }
  return Finish(remote.Send("POST", absl::StrCat(base, "/", UrlEncode(flags.id), "/", flags.action), "{}"), flags, print_one);
}

int Retrain(const Flags& flags) {
  return Finish(Remote(flags.url).Send("POST", ModelPath(flags) + "/retrain", DumpJson(Json{{"reason", flags.reason}})), flags,
                [](const Json& job) { std::cout << "job " << Text(job, "id") << " is " << Text(job, "state") << "\n"; });
}

int Alerts(const Flags& flags) {
  Remote remote(flags.url);
  if (flags.action == "ack" || flags.action == "silence") {
    return Finish(remote.Send("POST", absl::StrCat("/api/v1/alerts/", UrlEncode(flags.id), "/", flags.action), "{}"), flags,
                  [&](const Json&) { std::cout << "alert " << flags.id << ": " << flags.action << "\n"; });
  }
  return Finish(remote.Get("/api/v1/alerts"), flags, [](const Json& answer) {
    for (const Json& a : Items(answer, "alerts")) {
      std::cout << Text(a, "id") << "  " << Text(a, "state") << "  " << Text(a, "severity") << "  " << Text(a, "model") << "  "
                << (a.contains("annotations") ? Text(a["annotations"], "summary") : Text(a, "rule")) << "\n";
    }
  });
}

// One line a role, label and part of the traffic: what it was, since when, and who decided.
void PrintServed(const Json& served) {
  std::cout << Text(served, "model") << " at " << Text(served, "at") << "\n";
  const auto print = [](const std::string& what, const Json& decided) {
    std::cout << "  " << what << "  since " << Text(decided, "since") << "  by " << Text(decided, "by") << "  " << Text(decided, "summary")
              << "\n";
  };
  for (const auto& [role, decided] : served.at("roles").items()) print(absl::StrCat(role, " ", Text(decided, "version")), decided);
  for (const auto& [label, decided] : served.at("labels").items())
    print(absl::StrCat("label ", label, " ", Text(decided, "version")), decided);
  const Json& traffic = served.at("traffic");
  if (!served.at("roles").contains("champion")) std::cout << "  nothing was served\n";
  if (traffic.is_null()) return;
  for (const Json& arm : traffic.value("arms", Json::array())) {
    const double percent = 100 * (arm.value("end", 0.0) - arm.value("begin", 0.0));
    print(absl::StrCat("traffic ", Text(traffic, "experiment"), ": ", NumberText(percent), " % to version ", Text(arm, "version")),
          traffic);
  }
  for (const Json& shadow : traffic.value("shadows", Json::array())) {
    print(absl::StrCat("traffic ", Text(traffic, "experiment"), ": version ", shadow.get<std::string>(), " in the shadow"), traffic);
  }
}

// What served then, of one model or of each.
StatusOr<Json> AskServed(Remote& remote, const Flags& flags) {
  VIGIL_ASSIGN_OR_RETURN(const TimeUs at, ParseMoment(flags.at, SystemClock().NowUs()));
  std::vector<std::string> models;
  if (!flags.model.empty()) models.push_back(flags.model);
  if (flags.model.empty()) {
    VIGIL_ASSIGN_OR_RETURN(const Json known, remote.Get("/api/v1/models"));
    for (const Json& model : Items(known, "models")) models.push_back(Text(model, "name"));
  }
  Json answers = Json::array();
  for (const std::string& model : models) {
    VIGIL_ASSIGN_OR_RETURN(Json served,
                           remote.Get(absl::StrCat("/api/v1/models/", UrlEncode(model), "/served?at=", UrlEncode(FormatTime(at)))));
    answers.push_back(std::move(served));
  }
  if (!flags.model.empty()) return answers[0];
  return Json{{"models", std::move(answers)}};
}

int Served(const Flags& flags) {
  Remote remote(flags.url);
  const StatusOr<Json> answer = AskServed(remote, flags);
  if (absl::IsInvalidArgument(answer.status())) return Fail(answer.status(), kUsage);
  return Finish(answer, flags, [&](const Json& found) {
    if (!flags.model.empty()) return PrintServed(found);
    for (const Json& one : found.at("models")) PrintServed(one);
  });
}

int Timeline(const Flags& flags) {
  if (!flags.at.empty()) return Served(flags);
  const std::string model = flags.model.empty() ? "" : absl::StrCat("&model=", UrlEncode(flags.model));
  return Finish(Remote(flags.url).Get(absl::StrCat("/api/v1/timeline?limit=", flags.limit, model)), flags, [](const Json& answer) {
    for (const Json& e : Items(answer, "events"))
      std::cout << Text(e, "time") << "  " << Text(e, "kind") << "  " << Text(e, "summary") << "\n";
  });
}

CLI::App* Verb(CLI::App& app, std::function<int()>* run, const std::shared_ptr<Flags>& flags, const std::string& name,
               const std::string& summary, const std::string& example, int (*action)(const Flags&)) {
  CLI::App* verb = NewVerb(app, name, summary, example);
  AddUrlOption(verb, &flags->url);
  verb->add_flag("--json", flags->json, "for machines");
  verb->callback([run, flags, action] { *run = [flags, action] { return action(*flags); }; });
  return verb;
}

}  // namespace

void AddRemoteVerbs(CLI::App& app, std::function<int()>* run) {
  const auto flags = [] { return std::make_shared<Flags>(); };
  auto f = flags();
  Verb(app, run, f, "models", "Models of the running server, or the versions of one.", "vigil models fraud", Models)
      ->add_option("MODEL", f->model, "its versions");

  f = flags();
  CLI::App* verb = Verb(app, run, f, "promote", "Give a version a role; refused (5) when the epoch is stale.",
                        "vigil promote fraud 4 --epoch 7", Promote);
  verb->add_option("MODEL", f->model, "model")->required();
  verb->add_option("VERSION", f->version, "version")->required();
  verb->add_option("--role", f->role, "champion, challenger or shadow");
  verb->add_option("--epoch", f->epoch, "only if the role's epoch is still this");
  verb->add_option("--reason", f->reason, "kept in the timeline");

  f = flags();
  verb = Verb(app, run, f, "rollback", "Champion back to the version before, in one step.",
              "vigil rollback fraud --reason 'false positives'", Rollback);
  verb->add_option("MODEL", f->model, "model")->required();
  verb->add_option("--reason", f->reason, "kept in the timeline");

  f = flags();
  verb = Verb(app, run, f, "rollout", "Start, follow and steer rollouts.", "vigil rollout fraud start --candidate 4", Rollout);
  verb->add_option("MODEL", f->model, "model")->required();
  verb->add_option("ACTION", f->action, "list, start, pause, resume, abort, promote")
      ->required()
      ->check(CLI::IsMember({"list", "start", "pause", "resume", "abort", "promote"}));
  verb->add_option("ID", f->id, "rollout");
  verb->add_option("--candidate", f->candidate, "version to start with");
  verb->add_option("--share", f->share, "one step with this share of entities")->check(CLI::Range(0.0, 1.0));
  verb->add_flag("--ab", f->ab, "A/B test: a fixed split until the test decides");

  f = flags();
  verb = Verb(app, run, f, "retrain", "Ask for a retraining now.", "vigil retrain fraud --reason 'new merchant category'", Retrain);
  verb->add_option("MODEL", f->model, "model")->required();
  verb->add_option("--reason", f->reason, "kept in the timeline");

  f = flags();
  verb = Verb(app, run, f, "alerts", "Alerts: list, acknowledge, silence.", "vigil alerts ack a-12", Alerts);
  verb->add_option("ACTION", f->action, "ack or silence")->check(CLI::IsMember({"list", "ack", "silence"}));
  verb->add_option("ID", f->id, "alert");

  f = flags();
  verb =
      Verb(app, run, f, "timeline", "What served when, what was decided, and why; newest first.", "vigil timeline --model fraud", Timeline);
  verb->add_option("--model", f->model, "only this model");
  verb->add_option("--at", f->at, "what served then, and who decided: 2026-01-31T14:03:00Z, or 14:03 for when it was that last (UTC)");
  verb->add_option("--limit", f->limit, "entries")->check(CLI::Range(1, 1000));
}

}  // namespace vigil::cli
