#include "app/reload.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "app/config.h"

namespace vigil {
namespace {

constexpr const char* kLiveOfModel[] = {"columns", "version_labels", "retraining", "gate", "rollout"};

std::map<std::string, Json> ModelsByName(const Json& settings) {
  std::map<std::string, Json> models;
  const auto list = settings.find("models");
  if (list == settings.end()) return models;
  for (const Json& model : *list) models[ModelName(model)] = model;
  return models;
}

Json At(const Json& object, const std::string& key) { return object.contains(key) ? object.at(key) : Json(); }

void CompareKeys(const Json& before, const Json& after, const std::string& where, std::vector<std::string>* changed) {
  for (const auto& [key, value] : before.items()) {
    if (value != At(after, key)) changed->push_back(absl::StrCat(where, ".", key));
  }
  for (const auto& [key, value] : after.items()) {
    if (!before.contains(key)) changed->push_back(absl::StrCat(where, ".", key));
  }
}

void CompareModel(const std::string& name, const Json& before, const Json& after, SettingsChange* change) {
  std::vector<std::string> keys;
  const std::string where = absl::StrCat("models.", name);
  CompareKeys(before, after, where, &keys);
  for (std::string& key : keys) {
    const bool live = std::any_of(std::begin(kLiveOfModel), std::end(kLiveOfModel),
                                  [&](const char* known) { return key == absl::StrCat(where, ".", known); });
    (live ? change->live : change->restart).push_back(std::move(key));
  }
}

}  // namespace

SettingsChange CompareSettings(const Json& before, const Json& after) {
  SettingsChange change;
  for (const char* section : {"server", "log", "sources", "monitoring", "registry", "onnx"})
    CompareKeys(before.at(section), after.at(section), section, &change.restart);
  CompareKeys(before.at("alerts"), after.at("alerts"), "alerts", &change.live);
  const std::map<std::string, Json> old_models = ModelsByName(before), new_models = ModelsByName(after);
  for (const auto& [name, model] : old_models) {
    const auto now = new_models.find(name);
    if (now == new_models.end()) {
      change.restart.push_back(absl::StrCat("models.", name, " (removed)"));
    } else {
      CompareModel(name, model, now->second, &change);
    }
  }
  for (const auto& [name, model] : new_models) {
    if (old_models.count(name) == 0) change.restart.push_back(absl::StrCat("models.", name, " (added)"));
  }
  return change;
}

Json WithLiveSettings(const Json& before, const Json& after) {
  Json merged = before;
  merged["alerts"] = after.at("alerts");
  if (!merged.contains("models")) return merged;
  const std::map<std::string, Json> models = ModelsByName(after);
  for (Json& model : merged["models"]) {
    const auto now = models.find(ModelName(model));
    if (now == models.end()) continue;
    for (const char* key : kLiveOfModel) {
      model.erase(key);
      if (now->second.contains(key)) model[key] = now->second.at(key);
    }
  }
  return merged;
}

}  // namespace vigil
