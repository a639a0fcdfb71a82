#include "io/patronusctl/verbs.h"

#include <utility>

#include "core/base/limits.h"
#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"

namespace patronus::ctl {

void let_do(CLI::App* verb, const Connection& connection, std::function<int()>& run,
            std::function<int(Cluster&)> act) {
  verb->callback([&connection, &run, act = std::move(act)] {
    run = [&connection, act] {
      Cluster cluster(connection);
      if (cluster.fault()) {
        print_error(*cluster.fault());
        return kUsage;
      }
      return act(cluster);
    };
  });
}

Question get(std::string path) {
  Question question;
  question.path = std::move(path);
  return question;
}

const picojson::array& array_of(const picojson::value& object, const std::string& member) {
  static const picojson::array kNone;
  if (!object.is<picojson::object>()) return kNone;
  const picojson::value& value = object.get(member);
  return value.is<picojson::array>() ? value.get<picojson::array>() : kNone;
}

void print_stake(Cluster& cluster, const char* when) {
  if (cluster.format() == Format::kJson) return;
  const HttpReply reply = cluster.ask(get("/api/v1/cluster/status"));
  const picojson::value status = json_of(reply);
  if (reply.status != 200 || !status.contains("nodes")) return;
  size_t well = 0;
  for (const picojson::value& node : array_of(status, "nodes")) {
    if (text_of(node, "healthy") == "true" && text_of(node, "draining") != "true") ++well;
  }
  print_line(std::string(when) + ": leader " + text_of(status, "leader") + ", " + std::to_string(well) +
             " of " + std::to_string(array_of(status, "nodes").size()) + " nodes take part, quorum " +
             text_of(status, "quorum") + ", failure tolerance " + text_of(status, "failure_tolerance"));
}

int list_pages(Cluster& cluster, const std::string& path, const std::vector<std::string>& names,
               const std::function<std::vector<std::string>(const picojson::value&)>& row_of) {
  const std::string separator = path.find('?') == std::string::npos ? "?" : "&";
  Table rows;
  std::string all;
  json::Writer out(all);
  out.begin_object().begin_array("items");
  std::string cursor;
  size_t pages = 0;
  do {
    const HttpReply reply =
        cluster.ask(get(path + (cursor.empty() ? "" : separator + "cursor=" + escaped(cursor))));
    if (reply.status != 200) return explain(reply);
    const picojson::value body = json_of(reply);
    for (const picojson::value& item : array_of(body, "items")) {
      out.raw(item.serialize());
      rows.push_back(row_of(item));
    }
    cursor = text_of(body, "cursor");
  } while (cursor != "-" && ++pages < limits::kCtlPagesMax);
  out.finish();
  if (cluster.format() == Format::kJson) {
    print_line(all);
  } else {
    print_table(names, rows);
  }
  if (cursor == "-") return kOk;
  print_error("the list is longer than this; name less of it, such as by --prefix");
  return kError;
}

}  // namespace patronus::ctl
