#include "domain/table_fit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil {
namespace {

std::string Name(DType dtype) { return std::string(DTypeName(dtype)); }

bool IsWhole(DType dtype) { return StoreOf(dtype) == ColumnStore::kExact && dtype != DType::kFloat64; }

// Whether every value of `from` is one of `to`, both of whole numbers or truth values.
bool Holds(DType to, DType from) {
  const auto bits = [](DType t) -> int { return t == DType::kBool ? 1 : static_cast<int>(8 * DTypeBytes(t)); };
  const auto is_signed = [](DType t) { return t == DType::kInt8 || t == DType::kInt16 || t == DType::kInt32 || t == DType::kInt64; };
  if (is_signed(from)) return is_signed(to) && bits(to) >= bits(from);
  return bits(to) - (is_signed(to) ? 1 : 0) >= bits(from);
}

bool IsNarrower(DType to, DType from) { return IsWhole(to) && !(IsWhole(from) && Holds(to, from)); }

std::string AnswerNames(const TableShape& shape) {
  std::string text;
  for (const AnswerColumn& column : shape.answers) absl::StrAppend(&text, text.empty() ? "" : ", ", column.name);
  return text.empty() ? "nothing of a known width" : text;
}

// Which of the score's numbers an element of the answer is, or -1.
int ScoreNumber(const ScoreRule& rule, const AnswerColumn& column) {
  if (rule.output < 0) return -1;
  const auto first = static_cast<uint32_t>(rule.output);
  const uint32_t at = rule.across ? column.output - first : column.offset - rule.offset;
  const bool inside = rule.across ? column.output >= first && column.offset == 0 : column.output == first && column.offset >= rule.offset;
  return inside && at < rule.width ? static_cast<int>(at) : -1;
}

bool SameOutputs(const Signature& a, const Signature& b) {
  return std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(), [](const TensorSpec& x, const TensorSpec& y) {
    return x.name == y.name && x.dtype == y.dtype && x.shape.size() == y.shape.size() && x.keys == y.keys;
  });
}

// Every output's elements are answer columns: no width is left open.
bool AreWidthsKnown(const Signature& signature, const TableShape& shape) {
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    if (std::none_of(shape.answers.begin(), shape.answers.end(), [i](const AnswerColumn& c) { return c.output == i; })) return false;
  }
  return true;
}

StatusOr<AnswerFit> FitAnswers(const Signature& champion_signature, const TableShape& champion, const Signature& signature,
                               const TableShape& version) {
  AnswerFit fit;
  if (champion.score.width != version.score.width) {
    return absl::InvalidArgumentError(absl::StrCat("they answer ", version.score.width, " and ", champion.score.width, " numbers a row"));
  }
  const bool same_columns = std::equal(champion.answers.begin(), champion.answers.end(), version.answers.begin(), version.answers.end(),
                                       [](const AnswerColumn& x, const AnswerColumn& y) { return x.name == y.name && x.dtype == y.dtype; });
  // The floats of an only FP32 output are its score whatever it is called.
  fit.alike = (champion.single_output && version.single_output) || (same_columns && SameOutputs(champion_signature, signature));
  if (fit.alike) return fit;
  if (!AreWidthsKnown(champion_signature, champion)) {
    return absl::InvalidArgumentError("they answer with different outputs, of which some leave their width open");
  }
  for (const AnswerColumn& wanted : champion.answers) {
    if (const int number = ScoreNumber(champion.score, wanted); number >= 0) {
      const ScoreRule& rule = version.score;
      if (rule.output < 0) return absl::InvalidArgumentError("the one answers numbers, the other only texts");
      const auto at = static_cast<uint32_t>(number), output = static_cast<uint32_t>(rule.output);
      fit.elements.push_back(rule.across ? AnswerFit::Element{output + at, 0} : AnswerFit::Element{output, rule.offset + at});
      continue;
    }
    const auto found =
        std::find_if(version.answers.begin(), version.answers.end(), [&](const AnswerColumn& c) { return c.name == wanted.name; });
    if (found == version.answers.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("callers are answered \"", wanted.name, "\", which the new version does not give; it gives ", AnswerNames(version)));
    }
    const bool fits = wanted.dtype == found->dtype ||
                      (wanted.dtype != DType::kString && found->dtype != DType::kString && !IsNarrower(wanted.dtype, found->dtype));
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("they differ in the type of output \"", wanted.name, "\": ", Name(found->dtype), " and ", Name(wanted.dtype)));
    }
    fit.elements.push_back({found->output, found->offset});
  }
  return fit;
}

// The score's own name, for a sentence.
std::string ScoreName(const TableShape& shape) {
  for (const AnswerColumn& column : shape.answers) {
    if (ScoreNumber(shape.score, column) == 0) return absl::StrCat("`", column.name, "` (", Name(column.dtype), ")");
  }
  return "its score";
}

void AddNotes(const TableShape& champion, const TableShape& version, const std::string& champion_name, const std::string& name,
              VersionFit* fit) {
  std::vector<std::string> types;
  for (size_t i = 0; i < version.columns.size(); ++i) {
    const DType from = champion.columns[fit->columns.from[i]].dtype, to = version.columns[i].dtype;
    if (from != to) types.push_back(absl::StrCat(version.names[i], " as ", Name(to), " instead of ", Name(from)));
  }
  constexpr size_t kNamedMax = 3;
  if (!types.empty()) {
    std::string text = absl::StrCat(name, " takes ");
    for (size_t i = 0; i < std::min(kNamedMax, types.size()); ++i) absl::StrAppend(&text, i == 0 ? "" : ", ", types[i]);
    if (types.size() > kNamedMax) absl::StrAppend(&text, " and ", types.size() - kNamedMax, " columns more likewise");
    fit->notes.push_back(text + ": each is given the number that came, in its own type");
  }
  if (version.columns.size() < champion.columns.size()) {
    fit->notes.push_back(
        absl::StrCat(name, " takes ", version.columns.size(), " of ", champion_name, "'s ", champion.columns.size(), " columns"));
  }
  if (ScoreName(champion) != ScoreName(version)) {
    fit->notes.push_back(absl::StrCat(name, " answers ", ScoreName(version), " where ", champion_name, " answers ", ScoreName(champion),
                                      ": taken as the same score, and given in ", champion_name, "'s form while that is champion"));
  } else if (!fit->answers.alike) {
    fit->notes.push_back(absl::StrCat(name, " has other outputs than ", champion_name, " (", AnswerNames(version),
                                      "): callers get those of ", champion_name, " while that is champion"));
  }
  if (champion.score.task != version.score.task && champion.score.task != Task::kOther && version.score.task != Task::kOther) {
    fit->notes.push_back(absl::StrCat(name, " calls itself a ", std::string(TaskName(version.score.task)), " model, ", champion_name, " a ",
                                      std::string(TaskName(champion.score.task)), " model"));
  }
}

}  // namespace

StatusOr<ColumnFit> FitColumns(const TableShape& rows, const TableShape& model) {
  if (!model.refusal.empty()) return absl::InvalidArgumentError(absl::StrCat("the model takes no table: ", model.refusal));
  ColumnFit fit;
  const bool by_place = (!model.named || !rows.named) && model.names.size() == rows.names.size() && model.names != rows.names;
  const std::vector<std::string>& have = rows.names;
  for (size_t i = 0; i < model.columns.size(); ++i) {
    size_t at = i;
    // In place first, which is the usual case, and keeps this linear for wide tables.
    if (!by_place && (i >= have.size() || have[i] != model.names[i])) {
      at = static_cast<size_t>(std::find(have.begin(), have.end(), model.names[i]) - have.begin());
      if (at == have.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("the rows lack the model's column \"", model.names[i], "\"", DidYouMean(model.names[i], have)));
      }
    }
    const ModelColumn &from = rows.columns[at], &to = model.columns[i];
    if ((from.store == ColumnStore::kText) != (to.store == ColumnStore::kText)) {
      return absl::InvalidArgumentError(absl::StrCat("they differ in the type of column \"", model.names[i], "\": ", Name(to.dtype),
                                                     " and ", Name(from.dtype), "; texts and numbers are not each other's"));
    }
    if (IsNarrower(to.dtype, from.dtype)) fit.narrow.push_back(static_cast<uint32_t>(i));
    fit.in_place = fit.in_place && at == i;
    fit.from.push_back(static_cast<uint32_t>(at));
  }
  fit.in_place = fit.in_place && rows.columns.size() == model.columns.size();
  fit.same_stores = fit.in_place && SameStores(rows, model);
  return fit;
}

// Models that no table fits are handed whole requests, so they stand beside each other where they take the very same tensors.
static StatusOr<ColumnFit> FitInputs(const Signature& champion, const Signature& version) {
  const auto same = [](const TensorSpec& a, const TensorSpec& b) { return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape; };
  if (std::equal(champion.inputs.begin(), champion.inputs.end(), version.inputs.begin(), version.inputs.end(), same)) return ColumnFit();
  return absl::InvalidArgumentError("they take other tensors, and no table fits them by which one could be read as the other");
}

StatusOr<VersionFit> FitVersion(const Signature& champion_signature, const TableShape& champion, const Signature& signature,
                                const TableShape& version, const std::string& champion_name, const std::string& name) {
  VersionFit fit;
  const auto explained = [&](const Status& why) {
    return Status(why.code(), absl::StrCat(name, " cannot stand beside ", champion_name, ": ", std::string(why.message())));
  };
  const bool whole = !champion.refusal.empty() && !version.refusal.empty();
  StatusOr<ColumnFit> columns = whole ? FitInputs(champion_signature, signature) : FitColumns(champion, version);
  if (!columns.ok()) return explained(columns.status());
  fit.columns = *std::move(columns);
  StatusOr<AnswerFit> answers = FitAnswers(champion_signature, champion, signature, version);
  if (!answers.ok()) return explained(answers.status());
  fit.answers = *std::move(answers);
  AddNotes(champion, version, champion_name, name, &fit);
  return fit;
}

TableShape WidenedFor(const TableShape& champion, const std::vector<const ColumnFit*>& fits, const std::vector<const TableShape*>& others) {
  TableShape table = champion;
  for (size_t v = 0; v < fits.size(); ++v) {
    for (size_t i = 0; i < fits[v]->from.size(); ++i) {
      ModelColumn& column = table.columns[fits[v]->from[i]];
      if (column.store == ColumnStore::kFloat && others[v]->columns[i].store == ColumnStore::kExact) column.store = ColumnStore::kExact;
    }
  }
  table.exact = table.texts = 0;
  uint32_t floats = 0;
  for (ModelColumn& column : table.columns) {
    column.at = column.store == ColumnStore::kExact ? table.exact++ : column.store == ColumnStore::kText ? table.texts++ : floats++;
  }
  return table;
}

int FindMisfit(const TableRows& rows, size_t row, const ColumnFit& fit, const TableShape& model) {
  for (const uint32_t column : fit.narrow) {
    if (!FitsType(model.columns[column].dtype, rows.number(row, fit.from[column]))) return static_cast<int>(column);
  }
  return -1;
}

}  // namespace vigil
