#include "sim/html.h"

#include <string_view>

#include "core/raft/message.h"
#include "io/json/writer.h"

namespace patronus::sim {
namespace {

// Made by sim/CMakeLists.txt from sim/page/page.html.
constexpr std::string_view kPage =
#include "page_text.inc"
    ;
constexpr std::string_view kPlace = "/*DATA*/null";

int64_t us(Instant at) { return at.ns / 1000; }

void put_recording(json::Writer& out, const Recording& recording) {
  out.begin_array("changes");
  for (const Recording::Change& one : recording.changes) {
    out.begin_array()
        .value(one.host)
        .value(us(one.at))
        .value(static_cast<int>(one.activity))
        .value(one.term)
        .end();
  }
  out.end().begin_array("messages");
  for (const Recording::Message& one : recording.messages) {
    out.begin_array().value(one.from).value(one.to).value(us(one.sent)).value(us(one.arrives));
    out.value(static_cast<int>(one.kind)).value(one.lost ? 1 : one.cut ? 2 : 0).end();
  }
  out.end().begin_array("commits");
  for (const Recording::Commit& one : recording.commits)
    out.begin_array().value(one.host).value(us(one.at)).value(one.index).end();
  out.end().begin_array("notes");
  for (const Recording::Note& one : recording.notes)
    out.begin_array().value(one.who).value(us(one.at)).value(one.text).end();
  out.end();
}

}  // namespace

std::string html_of(const Outcome& outcome, const std::string& title) {
  std::string data;
  json::Writer out(data);
  out.begin_object()
      .field("title", title)
      .field("profile", outcome.profile)
      .field("violation", outcome.violation);
  out.field("end", outcome.simulated.count() / 1000).field("hosts", uint64_t{outcome.hosts});
  out.begin_array("kinds");
  for (size_t kind = 0; kind < kMessageKinds; ++kind) out.value(message_kind_name(kind));
  out.end();
  put_recording(out, outcome.recording);
  out.finish();
  // Nothing in it may end the script that it stands in.
  for (size_t at = data.find("</"); at != std::string::npos; at = data.find("</", at + 3))
    data.replace(at, 2, "<\\/");
  std::string page(kPage);
  page.replace(page.find(kPlace), kPlace.size(), data);
  return page;
}

}  // namespace patronus::sim
