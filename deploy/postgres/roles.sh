#!/bin/bash
# Runs once, when the database server is empty: auth and rooms each get a database of their own, and a role that may do in it
# what it likes and cannot enter the other. For a server that is there already: run it with psql's PG… variables set to one
# who may create roles and databases.
set -euo pipefail

for service in auth rooms; do
	password=POSTGRES_${service^^}_PASSWORD
	# psql reads the password from its environment, so that no list of processes shows it.
	PASSWORD=${!password} psql -v ON_ERROR_STOP=1 -v name="natter_$service" --no-password --quiet <<-'SQL'
		\getenv password PASSWORD
		CREATE ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
		CREATE DATABASE :"name" OWNER :"name";
		REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
	SQL
done
