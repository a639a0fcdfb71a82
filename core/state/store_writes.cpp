// What each kind of write does to the state. All checks come before the first change, so that a write is
// done whole or not at all.
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/key_rows.h"
#include "core/state/store.h"

namespace patronus {
namespace {

// The numbers of a record, for an answer that does not repeat the value.
Record numbers_of(const Record& record) {
  Record numbers;
  numbers.create_revision = record.create_revision;
  numbers.mod_revision = record.mod_revision;
  numbers.version = record.version;
  return numbers;
}

template <typename T>
bool relates(CompareRelation relation, const T& left, const T& right) {
  switch (relation) {
    case CompareRelation::kEqual:
      return left == right;
    case CompareRelation::kNotEqual:
      return left != right;
    case CompareRelation::kLess:
      return left < right;
    case CompareRelation::kGreater:
      return left > right;
  }
  return false;
}

// An upper bound of what a put adds; what it replaces is not credited, so that the check needs no order.
size_t growth(std::string_view key, const Blob& value, std::string_view content_type) {
  return key_cost(key.size(), value.size(), content_type.size());
}

// What the answer to a step takes besides key and value.
constexpr size_t kStepAnswerBytes = 64;

bool meets(const Record* record, const Expected& expected) {
  if (!expected || MUTANT(kIgnoreExpected)) return true;
  return (record == nullptr ? Index{} : record->mod_revision) == *expected;
}

WriteResult precondition_failed(const Record* record) {
  WriteResult result;
  result.outcome = Outcome::kPreconditionFailed;
  if (record != nullptr) result.record = numbers_of(*record);
  return result;
}

}  // namespace

WriteResult Store::execute_op(const PutOp& op, Index at, size_t) {
  WriteResult result;
  if (namespace_fault(op.ns) || key_fault(op.key)) {
    result.outcome = Outcome::kRefused;
    return result;
  }
  const Record* record = get(op.ns, op.key);
  if (!meets(record, op.expected)) return precondition_failed(record);
  if (bytes() + growth(op.key, op.value, op.content_type) > limits::kStateBytesMax) {
    result.outcome = Outcome::kQuotaExceeded;
    return result;
  }
  result.created = record == nullptr;
  result.record = numbers_of(put(op.ns, op.key, op.value, op.content_type, at));
  return result;
}

WriteResult Store::execute_op(const DeleteOp& op, Index, size_t) {
  WriteResult result;
  const Record* record = get(op.ns, op.key);
  if (!meets(record, op.expected)) return precondition_failed(record);
  if (!(MUTANT(kKeepDeleted) ? record != nullptr : erase(op.ns, op.key))) result.outcome = Outcome::kNotFound;
  return result;
}

WriteResult Store::execute_op(const BatchOp& op, Index at, size_t returned_max) {
  WriteResult result;
  if (namespace_fault(op.ns)) {
    result.outcome = Outcome::kRefused;
    return result;
  }
  for (size_t i = 0; i < op.compare.size() && result.succeeded; ++i) {
    if (holds(op.ns, op.compare[i])) continue;
    result.succeeded = false;
    result.failed_compare = static_cast<uint32_t>(i);
  }
  if (!result.succeeded && !op.otherwise) {
    result.outcome = Outcome::kCompareFailed;
    return result;
  }
  const std::vector<BatchStep>& steps = result.succeeded ? op.then : *op.otherwise;
  if (const std::optional<Outcome> obstacle = batch_obstacle(op.ns, steps, returned_max)) {
    result.outcome = *obstacle;
    return result;
  }
  run_steps(op, steps, at, result);
  return result;
}

bool Store::holds(const std::string& ns, const Compare& compare) const {
  const Record* record = get(ns, compare.key);
  switch (compare.target) {
    case CompareTarget::kExists:
      return relates<uint64_t>(compare.relation, record != nullptr ? 1 : 0, compare.number);
    case CompareTarget::kVersion:
      return relates<uint64_t>(compare.relation, record != nullptr ? record->version : 0, compare.number);
    case CompareTarget::kModRevision:
      return relates<uint64_t>(compare.relation, record != nullptr ? record->mod_revision.value : 0,
                               compare.number);
    case CompareTarget::kValue:
      if (record == nullptr) return compare.relation == CompareRelation::kNotEqual;
      return relates(compare.relation, record->value.view(), compare.value.view());
  }
  return false;
}

std::optional<Outcome> Store::batch_obstacle(const std::string& ns, const std::vector<BatchStep>& steps,
                                             size_t returned_max) const {
  size_t added = 0;
  size_t returned = 0;
  size_t doomed = 0;
  for (const BatchStep& step : steps) {
    if (step.kind != StepKind::kDeletePrefix && key_fault(step.key)) return Outcome::kRefused;
    returned += kStepAnswerBytes + step.key.size();
    if (step.kind == StepKind::kPut) added += growth(step.key, step.value, step.content_type);
    if (step.kind == StepKind::kGet) {
      const Record* record = get(ns, step.key);
      // A get after a put of the same batch returns what was put.
      returned += record != nullptr ? record->value.size() + record->content_type.size() : 0;
      for (const BatchStep& other : steps) {
        if (other.kind == StepKind::kPut && other.key == step.key)
          returned += other.value.size() + other.content_type.size();
      }
    }
    if (step.kind == StepKind::kDeletePrefix) {
      const auto keys = namespaces_.find(ns);
      if (keys == namespaces_.end()) continue;
      for (auto at = keys->second.lower_bound(step.key);
           at != keys->second.end() && at->first.starts_with(step.key) &&
           doomed <= limits::kDeletePrefixKeysMax;
           ++at) {
        ++doomed;
      }
    }
  }
  if (doomed > limits::kDeletePrefixKeysMax || returned > returned_max) return Outcome::kTooLarge;
  if (added > 0 && bytes() + added > limits::kStateBytesMax) return Outcome::kQuotaExceeded;
  return std::nullopt;
}

void Store::run_steps(const BatchOp& op, const std::vector<BatchStep>& steps, Index at, WriteResult& result) {
  result.steps.reserve(steps.size());
  for (const BatchStep& step : steps) {
    StepResult done{step.kind, step.key, std::nullopt, 0};
    switch (step.kind) {
      case StepKind::kPut:
        done.record = numbers_of(put(op.ns, step.key, step.value, step.content_type, at));
        break;
      case StepKind::kGet:
        if (const Record* record = get(op.ns, step.key)) done.record = *record;
        break;
      case StepKind::kDelete:
        done.deleted = erase(op.ns, step.key) ? 1 : 0;
        break;
      case StepKind::kDeletePrefix:
        done.deleted = erase_prefix(op.ns, step.key);
        break;
    }
    result.steps.push_back(std::move(done));
  }
}

}  // namespace patronus
