// Any bytes to the decoders of what travels in the log and between nodes. What is taken must be the one
// encoding of what it says: two nodes that hold the same thing must hold the same bytes, or their hashes
// part.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/raft/configuration.h"
#include "core/raft/leader_record.h"
#include "core/raft/message.h"
#include "core/state/command.h"

namespace {

using namespace patronus;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::string encode_to_string(const Message& message) {
  std::string bytes;
  encode_message(bytes, message);
  return bytes;
}

// The second round proves the encoding stable; the comparison with the input proves that no other bytes mean
// the same, which the readers promise by refusing odd booleans, unknown enumerators and trailing bytes.
template <typename Decode, typename Encode>
auto check_round_trip(std::string_view bytes, Decode decode, Encode encode) {
  const auto first = decode(bytes);
  if (first) {
    const std::string once = encode(*first);
    const auto second = decode(std::string_view(once));
    require(second.has_value());
    require(encode(*second) == once);
    require(once == bytes);
  }
  return first;
}

void check_message(std::string_view bytes) {
  const std::optional<Message> message =
      check_round_trip(bytes, [](std::string_view text) { return decode_message(text); }, encode_to_string);
  // The same as the version before spoke it.
  (void)check_round_trip(
      bytes, [](std::string_view text) { return decode_message(text, protocol::kOldest); },
      [](const Message& one) {
        std::string out;
        encode_message(out, one, protocol::kOldest);
        return out;
      });
  if (!message) return;
  require(!message_name(*message).empty());
  const auto* append = std::get_if<AppendRequest>(&message->body);
  if (append == nullptr) return;
  // The log appends these without looking again.
  Index index = append->prev_index;
  Term term = append->prev_term;
  for (const Entry& entry : append->entries) {
    require(entry.index == index.next() && entry.term >= term && entry.term <= message->term);
    index = entry.index;
    term = entry.term;
  }
}

void check_command(std::string_view bytes) {
  const std::optional<Command> command = check_round_trip(bytes, decode_command, encode_command);
  const std::optional<Origin> origin = decode_origin(bytes);
  if (!command) return;
  // Who forwards a command reads only its origin, and must read the one that is applied.
  require(origin.has_value() && *origin == command->origin);
}

void check_result(std::string_view bytes) {
  const std::optional<WriteResult> result = check_round_trip(bytes, decode_result, encode_result);
  // Outcomes that only a waiting node gives, and what only it knows, never come out of the log.
  if (result) require(result->outcome <= Outcome::kWouldBreakQuorum && !result->maybe_applied);
}

void check_configuration(std::string_view bytes) {
  const std::optional<Configuration> configuration =
      check_round_trip(bytes, decode_configuration, encode_configuration);
  if (!configuration) return;
  require(configuration->voters(Half::kOutgoing) > 0 && configuration->voters(Half::kIncoming) > 0);
  for (const Member& member : configuration->members) require(configuration->find(member.id) == &member);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_message(bytes);
      break;
    case 1:
      check_command(bytes);
      break;
    case 2:
      check_result(bytes);
      break;
    case 3:
      check_configuration(bytes);
      break;
    default:
      check_round_trip(bytes, decode_leader_record, encode_leader_record);
      break;
  }
  return 0;
}
