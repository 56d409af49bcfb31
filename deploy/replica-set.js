// Makes three servers one replica set, once; run again, it only waits until there is a primary.
const members = ["mongo1:27017", "mongo2:27017", "mongo3:27017"];
const NOT_YET_INITIALIZED = 94;

try {
  rs.status();
} catch (error) {
  if (error.code !== NOT_YET_INITIALIZED) throw error;
  rs.initiate({ _id: "rs0", members: members.map((host, id) => ({ _id: id, host })) });
}

const until = Date.now() + 60_000;
while (!rs.status().members.some((member) => member.stateStr === "PRIMARY")) {
  if (Date.now() > until) throw new Error("rs0 has no primary after a minute");
  sleep(500);
}
print("rs0 has a primary");
