#!/bin/sh
# The reference of the scenario `script`: what people write first. One repository after another: clone, change,
# commit, push, and one request for the pull request.
# Arguments: the twin's address, the organisation, a file of repository names, a scratch folder.
# The token is read from the environment (TOKEN).
set -eu
url=$1 org=$2 names=$3 scratch=$4
host=${url#http://}
cd "$scratch"
while read -r name; do
  git clone --quiet --depth 1 "http://x-access-token:$TOKEN@$host/$org/$name.git" work
  cd work
  sed -i 's/license/licence/g' Cargo.toml
  if ! git diff --quiet; then
    git checkout --quiet -b campaigns/licence
    git -c user.name=loop -c user.email=loop@example.org commit --quiet --all --message 'Spell licence our way'
    git push --quiet origin campaigns/licence
    curl --silent --show-error --fail --output /dev/null --request POST \
      --header "Authorization: Bearer $TOKEN" --header 'Accept: application/vnd.github+json' \
      --data '{"title":"Spell licence our way","head":"campaigns/licence","base":"main","body":"By a loop."}' \
      "$url/api/v3/repos/$org/$name/pulls"
  fi
  cd ..
  rm -rf work
done < "$names"
