// The health check of a replica set of one: starts it, if nobody has, and fails until it takes writes. MongoDB confirms a
// majority only in a replica set.
const { MONGO_INITDB_ROOT_USERNAME: user, MONGO_INITDB_ROOT_PASSWORD: password, MONGODB_HOST: host } = process.env;
db.getSiblingDB("admin").auth(user, password);
try {
  rs.status();
} catch (e) {
  if (e.codeName !== "NotYetInitialized") throw e;
  rs.initiate({ _id: "natter", members: [{ _id: 0, host }] });
}
if (!db.hello().isWritablePrimary) quit(1);
