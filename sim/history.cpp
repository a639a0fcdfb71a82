// Operations in words.
#include "sim/history.h"

namespace patronus::sim {
namespace {

std::string at_revision(uint64_t revision) { return "revision " + std::to_string(revision); }

std::string what_was_found(const Op& op) {
  if (op.found_revision == 0U) return "it is not there";
  if (op.found_revision) return "it is at " + at_revision(*op.found_revision);
  return "it is another one";
}

}  // namespace

std::string describe_question(const Op& op) {
  const std::string key = "k" + std::to_string(op.key);
  std::string text;
  switch (op.kind) {
    case OpKind::kRead:
      return "reads " + key;
    case OpKind::kDelete:
      text = "deletes " + key;
      break;
    default:
      text = "puts " + std::to_string(op.value) + " into " + key;
  }
  if (op.guard == Guard::kValue) text += " if it holds " + std::to_string(op.expected);
  if (op.guard > Guard::kValue) text += " if it is at " + at_revision(op.expected_revision);
  return op.keyed ? text + ", under an idempotency key" : text;
}

std::string describe_answer(const Op& op) {
  const bool reads = op.kind == OpKind::kRead;
  switch (op.end) {
    case OpEnd::kOk:
      if (!reads) return "is told that it is done, at " + at_revision(op.revision);
      if (op.value == 0) return "is told that it is not there";
      return "is told that it holds " + std::to_string(op.value) + ", of " + at_revision(op.revision);
    case OpEnd::kFailed:
      return "is told that nothing was done: " +
             (op.guard == Guard::kNone ? std::string("it is not there") : what_was_found(op));
    case OpEnd::kUnknown:
      return "does not learn whether it was done";
    default:
      return reads ? "gets no answer" : "is told, or knows, that it was not done";
  }
}

}  // namespace patronus::sim
