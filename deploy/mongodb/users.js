// Runs once, when the database is empty: message-store gets a user that may use one database and no more.
db.getSiblingDB("natter").createUser({
  user: "natter",
  pwd: process.env.MONGODB_PASSWORD,
  roles: [{ role: "readWrite", db: "natter" }],
});
